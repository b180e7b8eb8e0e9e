import { join } from 'node:path';
import type { KubernetesObject, V1Deployment, V1Pod, V1PodTemplateSpec } from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import type { Pool } from '../../clusters/cluster.ts';
import { LabError } from '../../clusters/error.ts';
import { ApiError } from '../../clusters/kube/api-error.ts';
import type { Kube } from '../../clusters/kube/kube.ts';
import { isPodReady } from '../../clusters/kube/pod-ready.ts';
import type { DataPlane } from '../../datapath/data-plane.ts';
import type { Placement } from '../../results/vocabulary.ts';
import { driverOf } from '../load/drivers.ts';
import type { LoadedScenario } from './scenario.ts';

/** The pods of a scenario on one pool, all of them ready. */
export type Deployed = { workload: V1Pod; generators: ReadonlyMap<Placement, V1Pod> };

const removalTimeoutSeconds = 60;

/**
 * Deploys a scenario's manifests on a pool, enrolled in its data plane, and resolves when every pod is ready and the
 * data plane has accepted them.
 * @throws LabError LAB_MANIFEST_INVALID when a manifest is refused, LAB_POD_NOT_READY when a pod does not become ready.
 */
export async function deployScenario(
  { kube, signal, progress }: { kube: Kube; signal: AbortSignal; progress: (message: string) => void },
  {
    scenario,
    pool,
    dataPlane,
    placements,
    readyTimeoutSeconds = 90,
  }: {
    scenario: LoadedScenario;
    pool: Pool;
    dataPlane: DataPlane;
    placements: readonly Placement[];
    readyTimeoutSeconds?: number;
  },
): Promise<Deployed> {
  progress(`${pool.name}: workload and generators`);
  const objects = placed(scenario, pool, dataPlane, placements);
  await kube.apply([namespaceOf(pool), await generatorFiles(scenario, pool)], signal);
  await kube.apply(objects, signal).catch((error: unknown) => {
    throw isRefusal(error) ? manifestInvalid(scenario, error.message, error) : error;
  });
  const deployments = objects.filter(({ kind }) => kind === 'Deployment').length;
  const pods = await kube
    .waitFor<V1Pod>(`/api/v1/namespaces/${pool.namespace}/pods`, {
      signal,
      timeoutSeconds: readyTimeoutSeconds,
      what: `the workload and the generators of ${pool.name} to be ready`,
      labelSelector: 'lab.role',
      condition: (found) => found.length === deployments && found.every(isPodReady),
      describe: (found) => describePods(found, deployments),
    })
    .catch((error: unknown) => {
      throw error instanceof LabError && error.code === 'LAB_WAIT_TIMEOUT' ? podNotReady(pool, error) : error;
    });
  await dataPlane.ready({ kube, signal, progress }, pool);
  const workload = pods.find((pod) => pod.metadata?.labels?.['lab.role'] === 'workload');
  if (workload === undefined) throw new Error(`scenario ${scenario.name} has no pod with lab.role=workload`);
  const generators = new Map<Placement, V1Pod>();
  for (const placement of placements) {
    const generator = pods.find((pod) => pod.metadata?.labels?.['lab.placement'] === placement);
    if (generator === undefined) throw new Error(`scenario ${scenario.name} has no generator for ${placement}`);
    generators.set(placement, generator);
  }
  return { workload, generators };
}

/** Removes what {@link deployScenario} made: the pool's namespace, with everything in it. Resolves when it is gone. */
export async function removeScenario(kube: Kube, pool: Pool, signal: AbortSignal): Promise<void> {
  await kube.delete([namespaceOf(pool)], signal);
  await kube.waitFor('/api/v1/namespaces', {
    signal,
    timeoutSeconds: removalTimeoutSeconds,
    what: `namespace ${pool.namespace} to be gone`,
    fieldSelector: `metadata.name=${pool.namespace}`,
    condition: (namespaces) => namespaces.length === 0,
  });
}

/** The scenario's objects in the pool's namespace, its pods on their nodes and enrolled. */
export function placed(
  scenario: LoadedScenario,
  pool: Pool,
  dataPlane: DataPlane,
  placements: readonly Placement[],
): KubernetesObject[] {
  return manifests(scenario).flatMap((object): KubernetesObject[] => {
    const inPool = { ...object, metadata: { ...object.metadata, namespace: pool.namespace } };
    if (object.kind !== 'Deployment') return [inPool];
    const deployment = inPool as V1Deployment;
    const template = deployment.spec?.template;
    if (deployment.spec === undefined || template === undefined) return [inPool];
    const placement = template.metadata?.labels?.['lab.placement'];
    if (placement !== undefined && !placements.some((asked) => asked === placement)) return [];
    const node = placement === 'cross-node' ? pool.nodes[0] : pool.nodes[1];
    const enrolled = dataPlane.enroll(onNode(template, node), pool);
    const placedDeployment: V1Deployment = { ...deployment, spec: { ...deployment.spec, template: enrolled } };
    return [placedDeployment];
  });
}

function manifests(scenario: LoadedScenario): KubernetesObject[] {
  const documents = parseAllDocuments(scenario.manifestsText);
  try {
    return documents.map((document) => {
      const [error] = document.errors;
      if (error !== undefined) throw error;
      return document.toJS() as KubernetesObject;
    });
  } catch (cause) {
    throw manifestInvalid(scenario, `it is not valid YAML: ${(cause as Error).message}`, cause);
  }
}

/** That an object is wrong, rather than the cluster: the API server answers 500 for a field that it does not know. */
function isRefusal(error: unknown): error is LabError {
  if (error instanceof ApiError) return [400, 422, 500].includes(error.status);
  return error instanceof LabError && error.code === 'LAB_KIND_UNKNOWN';
}

function manifestInvalid(scenario: LoadedScenario, why: string, cause: unknown): LabError {
  return new LabError('LAB_MANIFEST_INVALID', {
    message: `${join('scenarios', scenario.name, scenario.manifests)} is refused: ${why}`,
    remedy: 'Correct the manifest.',
    exitCode: 2,
    cause,
  });
}

function podNotReady({ namespace }: Pool, cause: LabError): LabError {
  return new LabError('LAB_POD_NOT_READY', {
    message: cause.message,
    remedy:
      'To see more, bring a cluster up with `lab up`, run again, and look from another terminal while it waits: ' +
      `\`lab kubectl -n ${namespace} describe pods\`, \`lab kubectl -n ${namespace} logs POD --all-containers\`.`,
    cause,
  });
}

function onNode(template: V1PodTemplateSpec, node: string): V1PodTemplateSpec {
  if (template.spec === undefined) return template;
  return { ...template, spec: { ...template.spec, nodeSelector: { 'kubernetes.io/hostname': node } } };
}

function namespaceOf(pool: Pool): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: pool.namespace } };
}

/** The ConfigMap of the files that generators are given by the drivers of the scenario's measurements. */
async function generatorFiles({ measurements }: LoadedScenario, pool: Pool): Promise<KubernetesObject> {
  const files = measurements.flatMap(({ kind }) => Object.entries(driverOf(kind).files));
  const data = Object.fromEntries(await Promise.all(files.map(async ([name, read]) => [name, await read()] as const)));
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'scenario', namespace: pool.namespace },
    data,
  } as KubernetesObject;
}

function describePods(pods: readonly V1Pod[], expected: number): string {
  const count = pods.length === expected ? [] : [`${pods.length} pods are there, not ${expected}`];
  return [...count, ...pods.map(describePod)].join('\n');
}

function describePod(pod: V1Pod): string {
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const troubles = statuses
    .filter(({ ready, state }) => !ready && state?.terminated?.exitCode !== 0)
    .map(({ name, state, lastState }) => {
      const { reason, message } = state?.waiting ?? state?.terminated ?? {};
      const ended = lastState?.terminated;
      const before = ended === undefined ? undefined : `it ended with exit code ${ended.exitCode} before`;
      return `${name} ${[reason ?? 'is not ready', message, before].filter(Boolean).join(': ')}`;
    });
  return `${pod.metadata?.name}: ${pod.status?.phase ?? 'no status'}; ${troubles.join('; ')}`;
}
