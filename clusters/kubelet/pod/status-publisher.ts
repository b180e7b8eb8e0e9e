import { setTimeout as delay } from 'node:timers/promises';
import type { V1Pod, V1PodCondition } from '@kubernetes/client-node';
import { ApiError } from '../../kube/api-error.ts';
import type { Kube } from '../../kube/kube.ts';
import { retry } from '../retry.ts';
import { podPath } from './object.ts';
import { podStatus, type StatusFacts } from './status.ts';

export type StatusPublisherContext = { kube: Kube; facts: () => StatusFacts; log: (line: string) => void };

/** Writes one pod's status: what changes within a few milliseconds in one request, and nothing that is already said. */
export class StatusPublisher {
  readonly #context: StatusPublisherContext;
  readonly #path: string;
  readonly #uid: string;
  #conditions: readonly V1PodCondition[];
  #written = '';
  #pending = false;
  #gone = false;
  #work: Promise<void> = Promise.resolve();

  constructor(pod: V1Pod, context: StatusPublisherContext) {
    this.#context = context;
    this.#path = `${podPath(pod)}/status`;
    this.#uid = pod.metadata?.uid ?? '';
    this.#conditions = pod.status?.conditions ?? [];
  }

  /** Something may have changed. */
  publish(): void {
    if (this.#pending || this.#gone) return;
    this.#pending = true;
    this.#work = this.#work.then(async () => {
      await delay(coalesceMs);
      this.#pending = false;
      await this.#write();
    });
  }

  /** Resolves when all that has been published so far is written, or the pod has gone. */
  async flush(): Promise<void> {
    await this.#work;
  }

  /** The pod has gone from the API: nothing is to be written any more. */
  stop(): void {
    this.#gone = true;
  }

  #write(): Promise<void> {
    return retry(() => this.#writeOnce(), {
      delays: writeDelays,
      onFailure: ({ message }, failures) => {
        if (failures === 1) this.#context.log(`status not written: ${message}`);
      },
    });
  }

  async #writeOnce(): Promise<void> {
    if (this.#gone) return;
    const status = podStatus({ ...this.#context.facts(), previous: this.#conditions, now: new Date() });
    this.#conditions = status.conditions ?? [];
    const text = JSON.stringify(status);
    if (text === this.#written) return;
    try {
      // The uid is a precondition: a pod of the same name made since is another one.
      await this.#context.kube.json('PATCH', this.#path, {
        headers: { 'content-type': 'application/strategic-merge-patch+json' },
        body: { metadata: { uid: this.#uid }, status },
      });
      this.#written = text;
    } catch (error) {
      if (!isAboutAnother(error)) throw error;
      this.#gone = true;
    }
  }
}

/** Whether the API server says that this pod is no more. Another conflict is over with the next attempt. */
function isAboutAnother(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.status === 404 || (error.status === 409 && error.message.includes('uid'));
}

const writeDelays = { firstSeconds: 0.1, longestSeconds: 10 };

/** A container that starts changes the status more than once. */
const coalesceMs = 10;
