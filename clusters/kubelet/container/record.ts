import type { V1Container, V1ContainerState } from '@kubernetes/client-node';

/** `sidecar`: an init container with restartPolicy Always (KEP-753). */
export type ContainerKind = 'init' | 'sidecar' | 'app';

/** What there is to say of one container of a pod. */
export type ContainerRecord = {
  readonly name: string;
  readonly kind: ContainerKind;
  image: string;
  imageId: string;
  state: V1ContainerState;
  lastState: V1ContainerState;
  restartCount: number;
  containerId: string | null;
  /** The startup probe, where there is one, has succeeded. */
  started: boolean;
  /** Its readiness probe has succeeded; for an init container, that it has done its work. */
  ready: boolean;
};

/** The record of a container for which nothing has been done yet. */
export function newRecord(spec: V1Container, kind: ContainerKind): ContainerRecord {
  return {
    name: spec.name,
    kind,
    ...imageOf(spec),
    state: waiting('ContainerCreating'),
    lastState: {},
    restartCount: 0,
    containerId: null,
    started: false,
    ready: false,
  };
}

/** A container's image, as its record says it. */
export function imageOf({ image = '' }: V1Container): Pick<ContainerRecord, 'image' | 'imageId'> {
  return { image, imageId: containerUrl(image) };
}

/** Names an image or a container of this runtime in a status. */
export function containerUrl(id: string): string {
  return `lab://${id}`;
}

/** Moves a container to another state. One that does not run is neither started nor ready. */
export function enterState(record: ContainerRecord, state: V1ContainerState): void {
  if (record.state.terminated !== undefined) record.lastState = { terminated: record.state.terminated };
  record.state = state;
  if (state.running !== undefined) return;
  record.started = false;
  record.ready = record.kind === 'init' && state.terminated?.exitCode === 0;
}

/** Waiting for its turn: the state that a container has before anything was done for it. */
export function waiting(reason: string, message?: string): V1ContainerState {
  return { waiting: message === undefined ? { reason } : { reason, message } };
}
