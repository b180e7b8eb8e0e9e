import { setTimeout as delay } from 'node:timers/promises';
import { ApiError } from '../../kube/api-error.ts';
import type { Kube } from '../../kube/kube.ts';
import type { PodStatusPatch } from './status.ts';

/** Writes one pod's status: what changes within a few milliseconds in one request, and nothing that is already said. */
export class StatusPublisher {
  private readonly kube: Kube;
  private readonly path: string;
  private readonly uid: string;
  private readonly compute: () => PodStatusPatch;
  private readonly log: (line: string) => void;
  private written = '';
  private pending = false;
  private gone = false;
  private work: Promise<void> = Promise.resolve();

  constructor(
    kube: Kube,
    {
      path,
      uid,
      compute,
      log,
    }: { path: string; uid: string; compute: () => PodStatusPatch; log: (line: string) => void },
  ) {
    this.kube = kube;
    this.path = path;
    this.uid = uid;
    this.compute = compute;
    this.log = log;
  }

  /** Something may have changed. */
  publish(): void {
    if (this.pending || this.gone) return;
    this.pending = true;
    this.work = this.work.then(async () => {
      await delay(coalesceMs);
      this.pending = false;
      await this.write();
    });
  }

  /** Resolves when all that has been published so far is written, or the pod has gone. */
  async flush(): Promise<void> {
    await this.work;
  }

  /** The pod has gone from the API: nothing is to be written any more. */
  stop(): void {
    this.gone = true;
  }

  private async write(): Promise<void> {
    for (let failures = 0; !this.gone; failures++) {
      const status = this.compute();
      const text = JSON.stringify(status);
      if (text === this.written) return;
      try {
        // The uid is a precondition: a pod of the same name made since is another one.
        await this.kube.json('PATCH', `${this.path}/status`, {
          headers: { 'content-type': 'application/strategic-merge-patch+json' },
          body: { metadata: { uid: this.uid }, status },
        });
        this.written = text;
        return;
      } catch (error) {
        if (error instanceof ApiError && (error.status === 404 || error.status === 409)) {
          this.gone = error.status === 404 || error.message.includes('uid');
          if (this.gone) return;
        }
        if (failures === 0) this.log(`status not written: ${error instanceof Error ? error.message : error}`);
        await delay(Math.min(10_000, 100 * 2 ** failures));
      }
    }
  }
}

/** A container that starts changes the status more than once. */
const coalesceMs = 10;
