import type { KubernetesObject, V1DaemonSet, V1Node, V1Pod } from '@kubernetes/client-node';
import { type Pool, poolLabel } from '../../clusters/cluster.ts';
import { hasReadyCondition, isPodReady } from '../../clusters/kube/pod-ready.ts';
import { apiServerAddress } from '../api-server.ts';
import type { ClusterFacts, DataPlaneContext } from '../data-plane.ts';
import { identityResource } from './identities/identity-registry.ts';
import { imageFiles, nodePaths, statusPort } from './node/paths.ts';
import { policyDefinitions } from './policy/definitions.ts';

const readyTimeoutSeconds = 60;
const serviceAccount = 'sidecarless-agent';

/** Installs the node agent on the pool's nodes, and resolves when each is ready to connect pods. Idempotent. */
export async function installSidecarless(context: DataPlaneContext, pool: Pool): Promise<void> {
  const { kube, signal, progress } = context;
  progress(`${pool.name}: node agent`);
  await kube.apply([...namespaces(pool), ...definitions], signal);
  await kube.waitFor('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    signal,
    timeoutSeconds: readyTimeoutSeconds,
    what: 'the API server to serve policies and identities',
    condition: (served) =>
      definitions.every(({ metadata }) =>
        served.some((one) => one.metadata?.name === metadata?.name && isEstablished(one)),
      ),
  });
  await kube.apply(agentObjects(pool, await apiServerAddress(kube, signal)), signal);
  await kube.waitFor<V1Pod>(`/api/v1/namespaces/${pool.systemNamespace}/pods`, {
    signal,
    timeoutSeconds: readyTimeoutSeconds,
    what: `the node agents of ${pool.name}`,
    labelSelector: 'app=sidecarless-agent',
    condition: (pods) => pods.filter(isPodReady).length >= pool.nodes.length,
    describe: (pods) => pods.map((pod) => `${pod.metadata?.name}: ${pod.status?.phase}`).join('\n'),
  });
  await kube.waitFor<V1Node>('/api/v1/nodes', {
    signal,
    timeoutSeconds: readyTimeoutSeconds,
    what: `the nodes of ${pool.name} to be ready`,
    labelSelector: `${poolLabel}=${pool.name}`,
    condition: (nodes) => nodes.length >= pool.nodes.length && nodes.every(({ status }) => hasReadyCondition(status)),
    describe: (nodes) => nodes.map(({ metadata }) => metadata?.name).join(', '),
  });
}

/** Removes the agents. Pods keep the network that they have; policies and identities stay with the cluster. */
export async function removeSidecarless({ kube, signal }: DataPlaneContext, pool: Pool): Promise<void> {
  await kube.delete(agentObjects(pool, 'https://unknown').toReversed(), signal);
}

/** All objects of the data plane, in the order in which they are applied; agents only when the definitions are served. */
export function sidecarlessObjects(pool: Pool, { server }: ClusterFacts): KubernetesObject[] {
  return [...namespaces(pool), ...definitions, ...agentObjects(pool, server)];
}

function namespaces(pool: Pool): KubernetesObject[] {
  return [pool.namespace, pool.systemNamespace].map((name) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  }));
}

const identityDefinition: KubernetesObject & { spec: object } = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${identityResource.plural}.${identityResource.group}` },
  spec: {
    group: identityResource.group,
    scope: 'Cluster',
    names: {
      kind: identityResource.kind,
      plural: identityResource.plural,
      singular: 'identity',
      listKind: `${identityResource.kind}List`,
    },
    versions: [
      {
        name: identityResource.version,
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            required: ['spec'],
            properties: {
              spec: {
                type: 'object',
                required: ['labels'],
                // What a number stands for never changes.
                'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'an identity’s labels are fixed' }],
                properties: { labels: { type: 'object', additionalProperties: { type: 'string' } } },
              },
            },
          },
        },
      },
    ],
  },
};

/** Kinds of objects that it adds to the API. */
const definitions: readonly KubernetesObject[] = [...policyDefinitions, identityDefinition];

/** All objects of the pool's agents, in the order in which they are applied. */
export function agentObjects(pool: Pool, server: string): KubernetesObject[] {
  const namespace = pool.systemNamespace;
  const clusterWide = { name: `${namespace}-${serviceAccount}` };
  const read = ['get', 'list', 'watch'];
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: serviceAccount, namespace } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: clusterWide,
      rules: [
        { apiGroups: [''], resources: ['nodes', 'namespaces', 'pods', 'services', 'configmaps'], verbs: read },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: read },
        { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: read },
        {
          apiGroups: ['cilium.io'],
          resources: ['ciliumnetworkpolicies', 'ciliumclusterwidenetworkpolicies'],
          verbs: read,
        },
        {
          apiGroups: ['cilium.io'],
          resources: ['ciliumnetworkpolicies/status', 'ciliumclusterwidenetworkpolicies/status'],
          verbs: ['patch'],
        },
        { apiGroups: [''], resources: ['events'], verbs: ['create'] },
        { apiGroups: [identityResource.group], resources: [identityResource.plural], verbs: [...read, 'create'] },
      ],
    } as KubernetesObject,
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: clusterWide,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: clusterWide.name },
      subjects: [{ kind: 'ServiceAccount', name: serviceAccount, namespace }],
    } as KubernetesObject,
    daemonSet(pool, server),
  ];
}

function daemonSet(pool: Pool, server: string): KubernetesObject {
  const { hostname, port } = new URL(server);
  const labels = { app: 'sidecarless-agent' };
  const agents: V1DaemonSet = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'sidecarless-agent', namespace: pool.systemNamespace },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels: { ...labels, 'lab.role': 'control' } },
        spec: {
          hostNetwork: true,
          serviceAccountName: serviceAccount,
          nodeSelector: { [poolLabel]: pool.name },
          tolerations: [{ operator: 'Exists' }],
          priorityClassName: 'system-node-critical',
          terminationGracePeriodSeconds: 5,
          containers: [
            {
              name: 'agent',
              image: 'lab/sidecarless:lab',
              command: ['node', imageFiles.agent],
              env: [
                { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
                { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
                // The Service of the API is what the agent is about to make work.
                { name: 'KUBERNETES_SERVICE_HOST', value: hostname },
                { name: 'KUBERNETES_SERVICE_PORT', value: port },
              ],
              // It waits for an API server that is away, and starting it again would only have it wait longer.
              startupProbe: {
                httpGet: { path: '/healthz', port: statusPort },
                periodSeconds: 1,
                failureThreshold: 600,
              },
              securityContext: { privileged: true },
              resources: { requests: { cpu: '50m', memory: '128Mi' } },
              volumeMounts: [
                { name: 'run', mountPath: nodePaths.run, mountPropagation: 'Bidirectional' },
                { name: 'netns', mountPath: nodePaths.netns, mountPropagation: 'HostToContainer' },
                { name: 'cgroup', mountPath: nodePaths.cgroup },
                { name: 'cni-programs', mountPath: nodePaths.cniPrograms },
                { name: 'cni-configuration', mountPath: nodePaths.cniConfiguration },
              ],
            },
          ],
          volumes: [
            { name: 'run', hostPath: { path: nodePaths.run, type: 'DirectoryOrCreate' } },
            { name: 'netns', hostPath: { path: nodePaths.netns, type: 'DirectoryOrCreate' } },
            { name: 'cgroup', hostPath: { path: '/sys/fs/cgroup', type: 'Directory' } },
            { name: 'cni-programs', hostPath: { path: '/opt/cni/bin', type: 'DirectoryOrCreate' } },
            { name: 'cni-configuration', hostPath: { path: '/etc/cni/net.d', type: 'DirectoryOrCreate' } },
          ],
        },
      },
    },
  };
  return agents as KubernetesObject;
}

function isEstablished(definition: KubernetesObject): boolean {
  const { status } = definition as { status?: { conditions?: { type: string; status: string }[] } };
  return status?.conditions?.some((one) => one.type === 'Established' && one.status === 'True') ?? false;
}
