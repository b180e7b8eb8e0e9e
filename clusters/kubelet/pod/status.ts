import type {
  V1Container,
  V1ContainerStatus,
  V1Pod,
  V1PodCondition,
  V1PodStatus,
  V1VolumeMountStatus,
} from '@kubernetes/client-node';
import { type ContainerKind, type ContainerRecord, containerUrl } from '../container/record.ts';

/** How a pod that will run nothing more has ended. */
export type PodOutcome = { phase: 'Succeeded' | 'Failed'; reason?: string; message?: string };

/** What a pod's status is made from. */
export type StatusFacts = {
  pod: V1Pod;
  records: readonly ContainerRecord[];
  /** Empty until the pod has a network; kept when the network is gone. */
  podIps: readonly string[];
  networkReady: boolean;
  hostIp: string;
  startTime: Date;
  /** Set as soon as it is decided; the phase follows when no container runs any more. */
  outcome: PodOutcome | null;
};

/** `previous`: what was said before: conditions keep their transition times. */
export type StatusInput = StatusFacts & { previous: readonly V1PodCondition[]; now: Date };

/** A status patch: V1PodStatus, where null removes a field. */
export type PodStatusPatch = Omit<V1PodStatus, 'reason' | 'message'> & {
  reason: string | null;
  message: string | null;
};

/** The whole status that kubelet would report, but for what others own of it. */
export function podStatus(input: StatusInput): PodStatusPatch {
  const { pod, records, podIps, hostIp, startTime, outcome } = input;
  const phase = podPhase(input);
  const generation = pod.metadata?.generation;
  const specs = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const of = (kinds: readonly ContainerKind[]): V1ContainerStatus[] =>
    records
      .filter(({ kind }) => kinds.includes(kind))
      .map((record) =>
        containerStatus(
          record,
          specs.find(({ name }) => name === record.name),
        ),
      );
  const ended = phase === 'Succeeded' || phase === 'Failed';
  return {
    phase,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    reason: (ended ? outcome?.reason : undefined) ?? null,
    message: (ended ? outcome?.message : undefined) ?? null,
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    ...(podIps[0] === undefined ? {} : { podIP: podIps[0], podIPs: podIps.map((ip) => ({ ip })) }),
    startTime,
    conditions: conditions(input, phase),
    containerStatuses: of(['app']),
    ...(records.some(({ kind }) => kind !== 'app') ? { initContainerStatuses: of(['init', 'sidecar']) } : {}),
  };
}

/** The phase as kubelet derives it from the containers (`getPhase`). */
export function podPhase({ records, outcome }: Pick<StatusInput, 'records' | 'outcome'>): string {
  const running = records.some(({ state }) => state.running !== undefined);
  if (outcome !== null && !running) return outcome.phase;
  const incomplete = records.some((record) => record.kind !== 'app' && !isInitialized(record));
  const apps = records.filter(({ kind }) => kind === 'app');
  const hasRun = (record: ContainerRecord): boolean =>
    record.state.running !== undefined ||
    record.state.terminated !== undefined ||
    record.lastState.terminated !== undefined;
  if ((incomplete && !apps.some(hasRun)) || !apps.every(hasRun)) return 'Pending';
  return 'Running';
}

/** Whether an init container lets the next one begin. */
export function isInitialized({ kind, state, lastState, started }: ContainerRecord): boolean {
  if (kind === 'sidecar') return started || lastState.terminated !== undefined || state.terminated !== undefined;
  return state.terminated?.exitCode === 0;
}

function containerStatus(record: ContainerRecord, spec: V1Container | undefined): V1ContainerStatus {
  const running = record.state.running !== undefined;
  return {
    name: record.name,
    state: record.state,
    lastState: record.lastState,
    ready: record.ready,
    started: running && record.started,
    restartCount: record.restartCount,
    image: record.image,
    imageID: record.containerId === null ? '' : record.imageId,
    ...(record.containerId === null ? {} : { containerID: containerUrl(record.containerId), ...allocated(spec) }),
    ...(spec?.volumeMounts === undefined ? {} : { volumeMounts: spec.volumeMounts.map(volumeMountStatus) }),
  };
}

function allocated({ resources = {} }: Partial<V1Container> = {}): Partial<V1ContainerStatus> {
  return { resources, ...(resources.requests === undefined ? {} : { allocatedResources: resources.requests }) };
}

/** Read-only mounts are not so recursively, which only newer runtimes can. */
function volumeMountStatus({
  name,
  mountPath,
  readOnly,
}: {
  name: string;
  mountPath: string;
  readOnly?: boolean;
}): V1VolumeMountStatus {
  return { name, mountPath, ...(readOnly ? { readOnly, recursiveReadOnly: 'Disabled' } : {}) };
}

type Verdict = { status: 'True' | 'False'; reason?: string; message?: string };

function conditions(input: StatusInput, phase: string): V1PodCondition[] {
  const { pod, records, networkReady, previous, now } = input;
  const scheduled = (pod.status?.conditions ?? []).find(({ type }) => type === 'PodScheduled');
  const ready = containersReady(records, phase);
  const verdicts: Record<string, Verdict> = {
    ...(scheduled === undefined ? { PodScheduled: { status: 'True' } } : {}),
    PodReadyToStartContainers: { status: networkReady ? 'True' : 'False' },
    Initialized: initialized(records, phase),
    ContainersReady: ready,
    Ready: ready.status === 'True' ? gates(pod) : ready,
  };
  return Object.entries(verdicts).map(([type, verdict]) => {
    const before = previous.find((condition) => condition.type === type);
    const kept = before?.status === verdict.status ? before.lastTransitionTime : undefined;
    const generation = pod.metadata?.generation;
    return {
      type,
      status: verdict.status,
      lastTransitionTime: kept ?? now,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      // Null takes a reason away that is over; a strategic merge would keep it.
      reason: verdict.reason ?? null,
      message: verdict.message ?? null,
    } as V1PodCondition;
  });
}

function initialized(records: readonly ContainerRecord[], phase: string): Verdict {
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  const incomplete = records.filter((record) => record.kind !== 'app' && !isInitialized(record));
  if (incomplete.length === 0) return { status: 'True' };
  return {
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${incomplete.map(({ name }) => name).join(' ')}]`,
  };
}

function containersReady(records: readonly ContainerRecord[], phase: string): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const unready = records.filter(({ kind, ready }) => kind !== 'init' && !ready);
  if (unready.length === 0) return { status: 'True' };
  return {
    status: 'False',
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${unready.map(({ name }) => name).join(' ')}]`,
  };
}

function gates(pod: V1Pod): Verdict {
  const missing = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = pod.status?.conditions?.find(({ type }) => type === conditionType);
    if (condition?.status === 'True') return [];
    return [
      condition === undefined
        ? `corresponding condition of pod readiness gate "${conditionType}" does not exist.`
        : `the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`,
    ];
  });
  if (missing.length === 0) return { status: 'True' };
  return { status: 'False', reason: 'ReadinessGatesNotReady', message: missing.join(', ') };
}
