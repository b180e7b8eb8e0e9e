import type { KubernetesObject, V1Node, V1Pod } from '@kubernetes/client-node';
import { type Pool, poolLabel } from '../../clusters/cluster.ts';
import { LabError } from '../../clusters/error.ts';
import type { Kube } from '../../clusters/kube/kube.ts';
import { hasReadyCondition, isPodReady } from '../../clusters/kube/pod-ready.ts';
import { apiServerAddress, podKubeconfig } from '../api-server.ts';
import type { ClusterFacts, DataPlaneContext } from '../data-plane.ts';

/** What of a pool the base network is about: the nodes with this label value, and the namespace that its pods live in. */
export type BaseNetworkPool = Pick<Pool, 'name' | 'systemNamespace'>;

const readyTimeoutSeconds = 60;

/**
 * Installs Kubernetes networking as it comes on the nodes of one pool: ptp veths with host-local addresses, a route to
 * every other node's pods, and kube-proxy in iptables mode. Resolves when kube-proxy has synchronised on each node.
 * Idempotent. The data planes that stand on standard networking share it.
 */
export async function installBaseNetwork(
  { kube, signal, progress }: DataPlaneContext,
  pool: BaseNetworkPool,
): Promise<void> {
  progress(`${pool.name}: kube-proxy and CNI configuration`);
  const [server, nodes] = await Promise.all([apiServerAddress(kube, signal), listNodes(kube, signal)]);
  await kube.apply(baseNetworkObjects(pool, { server, nodes }), signal);
  const expected = nodes.filter((node) => node.metadata?.labels?.[poolLabel] === pool.name).length;
  await kube.waitFor<V1Pod>(`/api/v1/namespaces/${pool.systemNamespace}/pods`, {
    signal,
    timeoutSeconds: readyTimeoutSeconds,
    what: `kube-proxy on the ${expected} nodes of ${pool.name}`,
    labelSelector: 'app=kube-proxy',
    condition: (pods) => pods.filter(isPodReady).length >= expected,
    describe: (pods) => pods.map(describePod).join('\n'),
  });
  await kube.waitFor<V1Node>('/api/v1/nodes', {
    signal,
    timeoutSeconds: readyTimeoutSeconds,
    what: `the nodes of ${pool.name} to be ready`,
    labelSelector: `${poolLabel}=${pool.name}`,
    condition: (pooled) => pooled.length > 0 && pooled.every(({ status }) => hasReadyCondition(status)),
    describe: (pooled) =>
      pooled.map((node) => `${node.metadata?.name}: ${hasReadyCondition(node.status) ? '' : 'not '}ready`).join('\n'),
  });
}

/** Removes what {@link installBaseNetwork} made; the nodes keep their routes until they go. */
export async function removeBaseNetwork({ kube, signal }: DataPlaneContext, pool: BaseNetworkPool): Promise<void> {
  await kube.delete(
    [
      { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'kube-proxy', namespace: pool.systemNamespace } },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: `${pool.systemNamespace}-kube-proxy` },
      },
    ],
    signal,
  );
}

/** All objects of the base network, in the order in which they are applied. */
export function baseNetworkObjects(pool: BaseNetworkPool, { server, nodes }: ClusterFacts): KubernetesObject[] {
  const namespace = pool.systemNamespace;
  const labels = { app: 'kube-proxy' };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'kube-proxy', namespace } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: `${namespace}-kube-proxy` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:node-proxier' },
      subjects: [{ kind: 'ServiceAccount', name: 'kube-proxy', namespace }],
    } as KubernetesObject,
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'base-network', namespace },
      data: {
        'kubeconfig.yaml': podKubeconfig(server, 'kube-proxy'),
        ...Object.fromEntries(
          nodes
            .filter((node) => node.metadata?.labels?.[poolLabel] === pool.name)
            .flatMap((node) => [
              [`${node.metadata?.name}.conflist`, cniConfiguration(node.spec?.podCIDR ?? '')],
              [`${node.metadata?.name}.routes`, routes(node, nodes)],
            ]),
        ),
      },
    } as KubernetesObject,
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'kube-proxy', namespace },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels: { ...labels, 'lab.role': 'control' } },
          spec: {
            hostNetwork: true,
            serviceAccountName: 'kube-proxy',
            nodeSelector: { [poolLabel]: pool.name },
            tolerations: [{ operator: 'Exists' }],
            priorityClassName: 'system-node-critical',
            initContainers: [
              {
                name: 'configure-node',
                image: 'lab/node-tools:lab',
                command: ['sh', '-ec', configureNode],
                env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
                securityContext: { capabilities: { add: ['NET_ADMIN'] } },
                volumeMounts: [
                  { name: 'base-network', mountPath: '/base-network' },
                  { name: 'cni', mountPath: '/host/cni' },
                ],
              },
            ],
            containers: [
              {
                name: 'kube-proxy',
                image: 'lab/kube-proxy:lab',
                args: proxyFlags,
                env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
                securityContext: { privileged: true },
                startupProbe: { httpGet: { path: '/healthz', port: 10256 }, periodSeconds: 1, failureThreshold: 60 },
                volumeMounts: [
                  { name: 'base-network', mountPath: '/base-network' },
                  { name: 'xtables-lock', mountPath: '/run/xtables.lock' },
                ],
              },
            ],
            volumes: [
              { name: 'base-network', configMap: { name: 'base-network' } },
              { name: 'cni', hostPath: { path: '/etc/cni/net.d', type: 'DirectoryOrCreate' } },
              { name: 'xtables-lock', hostPath: { path: '/run/xtables.lock', type: 'FileOrCreate' } },
            ],
          },
        },
      },
    } as KubernetesObject,
  ];
}

// Limits on connection tracking are the host's business: kube-proxy would set them for all of it.
const proxyFlags = [
  '--kubeconfig=/base-network/kubeconfig.yaml',
  '--hostname-override=$(NODE_NAME)',
  '--proxy-mode=iptables',
  '--conntrack-max-per-core=0',
  '--conntrack-min=0',
  '--conntrack-tcp-timeout-established=0s',
  '--conntrack-tcp-timeout-close-wait=0s',
  '--metrics-bind-address=127.0.0.1:10249',
];

// Routes first: the node counts as ready as soon as the configuration is there.
const configureNode = `
ip -batch "/base-network/$NODE_NAME.routes"
cp "/base-network/$NODE_NAME.conflist" /host/cni/.lab.conflist
mv /host/cni/.lab.conflist /host/cni/10-lab.conflist
`;

/** ptp with host-local addresses out of the node's pod CIDR, and host ports. */
export function cniConfiguration(podCidr: string): string {
  return JSON.stringify({
    cniVersion: '1.0.0',
    name: 'lab',
    plugins: [
      {
        type: 'ptp',
        ipMasq: false,
        ipam: { type: 'host-local', ranges: [[{ subnet: podCidr }]], routes: [{ dst: '0.0.0.0/0' }] },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  });
}

/** `ip -batch` text: to every other node's pods by way of that node. */
function routes(self: V1Node, nodes: readonly V1Node[]): string {
  return nodes
    .filter((node) => node.metadata?.name !== self.metadata?.name && node.spec?.podCIDR !== undefined)
    .map((node) => `route replace ${node.spec?.podCIDR} via ${internalAddress(node)}\n`)
    .join('');
}

function internalAddress(node: V1Node): string {
  const address = node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  if (address !== undefined) return address;
  throw new LabError('LAB_NODE_WITHOUT_ADDRESS', {
    message: `Node ${node.metadata?.name} has no InternalIP: routes to its pods cannot be set`,
    remedy: 'Look at it with `lab kubectl describe node`.',
  });
}

async function listNodes(kube: Kube, signal: AbortSignal): Promise<V1Node[]> {
  return (await kube.json<{ items: V1Node[] }>('GET', '/api/v1/nodes', { signal })).items;
}

function describePod(pod: V1Pod): string {
  const waiting = pod.status?.containerStatuses?.map(({ state }) => state?.waiting?.message ?? state?.waiting?.reason);
  return `${pod.metadata?.name} on ${pod.spec?.nodeName}: ${pod.status?.phase} ${waiting?.join(' ') ?? ''}`;
}
