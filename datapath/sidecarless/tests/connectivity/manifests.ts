import type { KubernetesObject, V1Container } from '@kubernetes/client-node';
import type { Pool } from '../../../../clusters/cluster.ts';
import { object } from '../../../tests/cluster.ts';
import { hostPort, nodePorts, nodeServerPort, serverPorts } from './addresses.ts';
import { peerCommand } from './peer.ts';

/** The strangers' namespace. */
export const elsewhere = 'elsewhere';

/** On a node, where the sockets of its peers are. */
export const socketDirectory = '/run/connectivity';

/** The port of a server of HTTP in `near` and `far`, for load. */
export const loadPort = 8082;

/** Where each pod is: its namespace, and which of the pool's nodes. */
export const pods = {
  client: { isOwn: true, node: 0 },
  client2: { isOwn: true, node: 0 },
  near: { isOwn: true, node: 0 },
  far: { isOwn: true, node: 1 },
  host: { isOwn: true, node: 0 },
  'far-host': { isOwn: true, node: 1 },
  stranger: { isOwn: false, node: 0 },
  distant: { isOwn: false, node: 1 },
} as const satisfies Record<string, { isOwn: boolean; node: 0 | 1 }>;
export type PodName = keyof typeof pods;

const accounts: Partial<Record<PodName, string>> = { client: 'asker', near: 'answerer', far: 'answerer' };

/** The namespace and accounts, which must be there before the pods. */
export function surroundings({ namespace }: Pool): KubernetesObject[] {
  return [
    object({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: elsewhere } }),
    ...['asker', 'answerer'].map((name) =>
      object({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } }),
    ),
  ];
}

export function workload(pool: Pool): KubernetesObject[] {
  const names = Object.keys(pods) as PodName[];
  return [...names.map((name) => pod(pool, name)), ...services(pool)];
}

function pod(pool: Pool, name: PodName): KubernetesObject {
  const { isOwn, node } = pods[name];
  const isHost = name === 'host' || name === 'far-host';
  const isServer = name === 'near' || name === 'far';
  const ports = isHost ? [nodeServerPort] : serverPorts;
  const peer: V1Container = {
    name: 'peer',
    image: 'lab/sidecarless',
    command: peerCommand(`${socketDirectory}/${name}.sock`, ports),
    volumeMounts: [{ name: 'sockets', mountPath: socketDirectory }],
    ...(isServer ? { ports: [{ name: 'web', containerPort: 8080, hostPort }] } : {}),
  };
  const loaded = { name: 'load', image: 'lab/workload', args: ['--listen', `:${loadPort}`, '--admin', ':8079'] };
  return object({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: isOwn ? pool.namespace : elsewhere,
      labels: { app: name, ...(isServer ? { role: 'server' } : {}) },
    },
    spec: {
      nodeName: pool.nodes[node],
      hostNetwork: isHost,
      serviceAccountName: accounts[name] ?? 'default',
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      containers: [peer, ...(isServer ? [loaded] : [])],
      volumes: [{ name: 'sockets', hostPath: { path: socketDirectory, type: 'DirectoryOrCreate' } }],
    },
  });
}

function services({ namespace }: Pool): KubernetesObject[] {
  const service = (name: string, namespace: string, spec: object): KubernetesObject =>
    object({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec });
  const port = (port: number, protocol: 'TCP' | 'UDP', nodePort?: number): object => ({
    name: `${protocol.toLowerCase()}-${port}`,
    port,
    protocol,
    ...(nodePort === undefined ? {} : { nodePort }),
  });
  return [
    service('workload', namespace, {
      type: 'NodePort',
      selector: { role: 'server' },
      ports: [
        ...Object.entries(nodePorts).flatMap(([number, nodePort]) => [
          port(Number(number), 'TCP', nodePort),
          port(Number(number), 'UDP', nodePort),
        ]),
        port(loadPort, 'TCP', 30082),
      ],
    }),
    service('itself', namespace, { selector: { app: 'client' }, ports: [port(8080, 'TCP'), port(8080, 'UDP')] }),
    service('distant', elsewhere, {
      type: 'NodePort',
      selector: { app: 'distant' },
      ports: [port(8080, 'TCP', 30090)],
    }),
  ];
}
