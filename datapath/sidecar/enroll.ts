import type { V1Container, V1EnvVar, V1PodTemplateSpec, V1SecurityContext, V1Volume } from '@kubernetes/client-node';
import type { Pool } from '../../clusters/cluster.ts';
import { bootstrap } from '../envoy/bootstrap.ts';
import { tokenAudience } from '../envoy/certificate-endpoint.ts';
import { envoyFlags } from '../envoy/flags.ts';
import { descriptorsPath } from '../envoy/image-files.ts';
import { meshConfigMap } from '../envoy/mesh/places.ts';
import { proxyName } from '../envoy/mesh/proxy-name.ts';
import { envoyPorts } from '../envoy/ports.ts';
import { spiffeId } from '../envoy/spiffe.ts';
import type { AppProbes } from './app-probes.ts';
import { enrolledAnnotation } from './enrolled.ts';
import { keptStatistics } from './kept-statistics.ts';
import { agentSocket, controlPlane, directories, programs, proxyKind } from './places.ts';
import { rewriteProbes } from './probe-rewrite.ts';
import { parsePorts, proxyUser, redirectRules } from './redirect-rules.ts';

/** Ports of a pod that are reached without the proxy, separated by commas. */
const excludedPortsAnnotation = 'lab.dataplane/exclude-inbound-ports';

/** Names of the containers that a sidecar adds. */
export const sidecarContainers = { init: 'lab-init', agent: 'lab-agent', envoy: 'envoy' } as const;

/**
 * What Istio's injector does to a pod: redirection by an init container, then agent and Envoy as native sidecars that
 * are ready before the application starts and end after it, and probes that go by the agent.
 */
export function enrollPod(template: V1PodTemplateSpec, pool: Pool): V1PodTemplateSpec {
  const { metadata = {}, spec } = template;
  if (spec === undefined) return template;
  const containers = spec.containers.map(rewriteProbes);
  const initContainers = (spec.initContainers ?? []).map(rewriteProbes);
  const probes: AppProbes = Object.assign({}, ...[...initContainers, ...containers].map(({ probes }) => probes));
  return {
    ...template,
    metadata: { ...metadata, annotations: { ...metadata.annotations, [enrolledAnnotation]: 'enrolled' } },
    spec: {
      ...spec,
      initContainers: [
        initContainer(parsePorts(metadata.annotations?.[excludedPortsAnnotation])),
        agentContainer(probes),
        envoyContainer(pool),
        ...initContainers.map(({ container }) => container),
      ],
      containers: containers.map(({ container }) => container),
      volumes: [...(spec.volumes ?? []), ...volumes],
    },
  };
}

function initContainer(excludedPorts: readonly number[]): V1Container {
  return {
    name: sidecarContainers.init,
    image: 'lab/node-tools:lab',
    command: ['sh', '-ec', 'printf %s "$RULES" | iptables-restore'],
    env: [{ name: 'RULES', value: redirectRules(excludedPorts) }],
    securityContext: { runAsUser: 0, runAsGroup: 0, capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] } },
  };
}

function agentContainer(probes: AppProbes): V1Container {
  return {
    name: sidecarContainers.agent,
    image: controlPlane.image,
    restartPolicy: 'Always',
    command: ['node', '--max-semi-space-size=1', programs.agent],
    env: [
      ...podVariables,
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'SERVICE_ACCOUNT', valueFrom: { fieldRef: { fieldPath: 'spec.serviceAccountName' } } },
      { name: 'ENVOY_DESCRIPTORS', value: descriptorsPath },
      { name: 'APP_PROBES', value: JSON.stringify(probes) },
    ],
    lifecycle: { preStop: { exec: { command: ['node', programs.drain] } } },
    resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '256Mi' } },
    securityContext: restricted,
    volumeMounts: [
      { name: 'lab-token', mountPath: directories.token, readOnly: true },
      { name: 'lab-mesh', mountPath: directories.mesh, readOnly: true },
      { name: 'lab-agent', mountPath: directories.agent },
    ],
  };
}

function envoyContainer(pool: Pool): V1Container {
  const ready = { path: '/healthz/ready', port: envoyPorts.ready };
  return {
    name: sidecarContainers.envoy,
    image: 'lab/envoy:lab',
    restartPolicy: 'Always',
    args: envoyFlags(JSON.stringify(sidecarBootstrap(pool))),
    env: podVariables,
    startupProbe: { httpGet: ready, periodSeconds: 1, failureThreshold: 600, timeoutSeconds: 3 },
    readinessProbe: { httpGet: ready, periodSeconds: 15, failureThreshold: 4, timeoutSeconds: 3 },
    // What Istio asks for and allows its sidecars by default.
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '2000m', memory: '1Gi' } },
    securityContext: restricted,
    volumeMounts: [{ name: 'lab-agent', mountPath: directories.agent }],
  };
}

/** Envoy's first configuration, with variables of its container in it. */
export function sidecarBootstrap(pool: Pick<Pool, 'name' | 'systemNamespace'>): ReturnType<typeof bootstrap> {
  return bootstrap({
    nodeId: proxyName(proxyKind, '$(POD_NAME)', '$(POD_NAMESPACE)'),
    cluster: pool.name,
    control: '$(CONTROL_ADDRESS)',
    controlSpiffeId: spiffeId({ namespace: pool.systemNamespace, serviceAccount: controlPlane.name }),
    agentSocket,
    statistics: keptStatistics,
  });
}

const podVariables: V1EnvVar[] = [
  { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
  { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
  {
    name: 'CONTROL_ADDRESS',
    valueFrom: { configMapKeyRef: { name: meshConfigMap.name, key: meshConfigMap.control } },
  },
];

const restricted: V1SecurityContext = {
  runAsUser: proxyUser,
  runAsGroup: proxyUser,
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

const volumes: V1Volume[] = [
  {
    name: 'lab-token',
    projected: {
      sources: [{ serviceAccountToken: { audience: tokenAudience, expirationSeconds: 3600, path: 'token' } }],
    },
  },
  { name: 'lab-mesh', configMap: { name: meshConfigMap.name } },
  { name: 'lab-agent', emptyDir: { medium: 'Memory' } },
];
