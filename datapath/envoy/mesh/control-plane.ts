import type { KubernetesObject, V1Deployment, V1Secret } from '@kubernetes/client-node';
import { type Pool, poolLabel } from '../../../clusters/cluster.ts';
import type { Kube } from '../../../clusters/kube/kube.ts';
import type { DataPlaneContext } from '../../data-plane.ts';
import { createAuthority } from '../certificate-authority.ts';
import { descriptorsPath } from '../image-files.ts';
import { controlPorts } from '../ports.ts';
import { meshConfigMap } from './places.ts';

/** A data plane's control plane: the name of its service account and `app` label, and the program, which calls `runControl`. */
export type ControlPlane = { readonly name: string; readonly image: string; readonly program: string };

const readyTimeoutSeconds = 60;
const authoritySecret = 'lab-ca';

/** Installs the control plane of a pool's proxies, and resolves when it serves. Idempotent. */
export async function installControlPlane(
  { kube, signal, progress }: DataPlaneContext,
  pool: Pool,
  controlPlane: ControlPlane,
): Promise<void> {
  progress(`${pool.name}: control plane of its proxies`);
  await ensureAuthority(kube, pool, signal);
  await kube.apply(controlPlaneObjects(pool, controlPlane), signal);
  await kube.waitFor<V1Deployment>(`/apis/apps/v1/namespaces/${pool.systemNamespace}/deployments`, {
    signal,
    timeoutSeconds: readyTimeoutSeconds,
    what: `the control plane of ${pool.name}`,
    fieldSelector: 'metadata.name=control',
    condition: ([control]) =>
      control?.status?.observedGeneration === control?.metadata?.generation && control?.status?.availableReplicas === 1,
    describe: ([control]) =>
      (control?.status?.conditions ?? []).map(({ type, message }) => `${type}: ${message}`).join('\n'),
  });
}

/** Removes what {@link installControlPlane} made, the authority included. */
export async function removeControlPlane(
  { kube, signal }: DataPlaneContext,
  pool: Pool,
  controlPlane: ControlPlane,
): Promise<void> {
  const authority = { apiVersion: 'v1', kind: 'Secret', metadata: secretMetadata(pool) };
  const mesh = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: meshConfigMap.name, namespace: pool.namespace },
  };
  await kube.delete([...controlPlaneObjects(pool, controlPlane).toReversed(), authority], signal);
  // Until it is gone it would publish anew what is taken away next.
  await kube.waitFor(`/api/v1/namespaces/${pool.systemNamespace}/pods`, {
    signal,
    timeoutSeconds: readyTimeoutSeconds,
    what: `the control plane of ${pool.name} to end`,
    labelSelector: `app=${controlPlane.name}`,
    condition: (pods) => pods.length === 0,
  });
  await kube.delete([mesh], signal);
}

/** The authority's key is in one place: this Secret. An existing one stays, and with it every certificate. */
async function ensureAuthority(kube: Kube, pool: Pool, signal: AbortSignal): Promise<void> {
  const path = `/api/v1/namespaces/${pool.systemNamespace}/secrets`;
  const existing = await kube.request('GET', `${path}/${authoritySecret}`, { signal });
  await existing.text();
  if (existing.ok) return;
  const { certificate, key } = await createAuthority();
  const secret: V1Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: secretMetadata(pool),
    stringData: { 'tls.crt': certificate, 'tls.key': key },
  };
  await kube.json('POST', path, { body: secret, signal });
}

function secretMetadata(pool: Pool): { name: string; namespace: string } {
  return { name: authoritySecret, namespace: pool.systemNamespace };
}

/** The objects of the control plane, in the order in which they are applied. */
export function controlPlaneObjects(pool: Pool, controlPlane: ControlPlane): KubernetesObject[] {
  const { name } = controlPlane;
  const namespace = pool.systemNamespace;
  const labels = { app: name };
  const clusterWide = { name: `${namespace}-${name}` };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: clusterWide,
      // For the whole cluster, because the workload's namespace comes and goes, and a Role would go with it.
      rules: [
        { apiGroups: [''], resources: ['services', 'pods', 'namespaces'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch', 'create', 'patch'] },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
      ],
    } as KubernetesObject,
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: clusterWide,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: clusterWide.name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    } as KubernetesObject,
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'control', namespace },
      spec: {
        selector: labels,
        ports: [
          { name: 'xds', port: controlPorts.xds, appProtocol: 'tcp' },
          { name: 'certificates', port: controlPorts.certificates, appProtocol: 'tcp' },
        ],
      },
    } as KubernetesObject,
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'control', namespace },
      spec: {
        replicas: 1,
        // Two at a time would each know one half of the proxies.
        strategy: { type: 'Recreate' },
        selector: { matchLabels: labels },
        template: { metadata: { labels: { ...labels, 'lab.role': 'control' } }, spec: controlPod(pool, controlPlane) },
      },
    } as KubernetesObject,
  ];
}

function controlPod(
  pool: Pool,
  { name, image, program }: ControlPlane,
): NonNullable<V1Deployment['spec']>['template']['spec'] {
  return {
    serviceAccountName: name,
    nodeSelector: { [poolLabel]: pool.name },
    terminationGracePeriodSeconds: 5,
    containers: [
      {
        name: 'control',
        image,
        command: ['node', program],
        env: [
          { name: 'MESH_NAMESPACE', value: pool.namespace },
          { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
          { name: 'ENVOY_DESCRIPTORS', value: descriptorsPath },
        ],
        readinessProbe: { httpGet: { path: '/healthz', port: controlPorts.status }, periodSeconds: 1 },
        resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
        securityContext: {
          runAsUser: 1337,
          runAsGroup: 1337,
          runAsNonRoot: true,
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [{ name: 'authority', mountPath: '/var/run/lab/authority', readOnly: true }],
      },
    ],
    volumes: [{ name: 'authority', secret: { secretName: authoritySecret } }],
  };
}
