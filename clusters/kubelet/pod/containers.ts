import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { findImage } from '../../images/images.ts';
import type { ContainerContext } from '../container/context.ts';
import { ContainerLoop } from '../container/loop.ts';
import { type ContainerKind, type ContainerRecord, waiting } from '../container/record.ts';
import type { ReportEvent } from '../events.ts';
import { etcFiles } from '../network/etc-files.ts';
import type { RuntimeNode } from '../node/runtime-node.ts';
import type { RuntimeContext } from '../runtime-context.ts';
import { outcomeOf, runInOrder, stopInOrder } from './container-order.ts';
import { planContainer } from './container-plan.ts';
import type { PodResources } from './resources.ts';
import type { PodOutcome } from './status.ts';
import type { Termination } from './termination.ts';

export type PodContainersContext = {
  runtime: RuntimeContext;
  node: RuntimeNode;
  pod: () => V1Pod;
  resources: PodResources;
  termination: Termination;
  event: ReportEvent;
  /** A record has changed. */
  changed: () => void;
};

/** The containers of one pod. */
export class PodContainers {
  /** By name: init containers first, each kind in the order of the pod. */
  readonly #loops = new Map<string, ContainerLoop>();
  readonly #context: PodContainersContext;

  constructor(context: PodContainersContext) {
    this.#context = context;
    const { initContainers = [], containers = [] } = context.pod().spec ?? {};
    for (const container of initContainers) {
      this.#add(container, container.restartPolicy === 'Always' ? 'sidecar' : 'init', 'initContainers');
    }
    for (const container of containers) {
      const { record } = this.#add(container, 'app', 'containers');
      if (initContainers.length > 0) record.state = waiting('PodInitializing');
    }
  }

  get names(): readonly string[] {
    return [...this.#loops.keys()];
  }

  get records(): readonly ContainerRecord[] {
    return this.#all.map(({ record }) => record);
  }

  /** How the pod has ended, once all have. */
  get outcome(): PodOutcome {
    return outcomeOf(this.#all);
  }

  /** @returns the container of that name; without one, the pod's first. */
  find(name: string | null): ContainerLoop | null {
    const first = this.#context.pod().spec?.containers[0]?.name;
    return this.#loops.get(name ?? first ?? '') ?? null;
  }

  /** The pod's object has changed. */
  follow(pod: V1Pod): void {
    for (const container of pod.spec?.containers ?? []) this.#loops.get(container.name)?.follow(container);
  }

  /** Runs them. @returns how the pod has ended by itself, null where it is to be ended before */
  run(): Promise<PodOutcome | null> {
    return runInOrder(this.#all, this.#context.termination);
  }

  /** Ends those that run. */
  stop(): Promise<void> {
    return stopInOrder(this.#all, this.#context.termination);
  }

  get #all(): readonly ContainerLoop[] {
    return [...this.#loops.values()];
  }

  #add(container: V1Container, kind: ContainerKind, list: 'initContainers' | 'containers'): ContainerLoop {
    const loop = new ContainerLoop(container, kind, this.#contextOf(`spec.${list}{${container.name}}`));
    this.#loops.set(container.name, loop);
    return loop;
  }

  #contextOf(fieldPath: string): ContainerContext {
    const { runtime, node, pod, resources, event, changed } = this.#context;
    const podIp = (): string => resources.facts.podIps[0] ?? '';
    return {
      node,
      pod,
      podIp,
      etc: () => etcFiles(pod(), { nodeName: node.name, podIp: podIp() }),
      findImage: (reference) => findImage(runtime.images, reference),
      plan: (container, image, id) =>
        planContainer(pod(), container, image, {
          ...runtime,
          volumes: resources.volumes,
          facts: resources.facts,
          nodeName: node.name,
          networkNamespace: resources.network.namespace,
          ipc: resources.ipc,
          cgroupsPath: `${resources.cgroup}/${id}`,
        }),
      event: (type, reason, message) => event(type, reason, message, fieldPath),
      changed,
    };
  }
}
