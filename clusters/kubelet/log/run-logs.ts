import { rm } from 'node:fs/promises';
import type { V1Pod } from '@kubernetes/client-node';
import { nodePath, type RuntimeNode } from '../node/runtime-node.ts';
import { LogWriter } from './writer.ts';

/** The logs of a container's runs: those of the current or last one, and of the one before, are kept. */
export class RunLogs {
  current: LogWriter | null = null;
  previous: LogWriter | null = null;
  readonly #directory: string;

  constructor(node: RuntimeNode, pod: V1Pod, container: string) {
    this.#directory = `${podLogDirectory(node, pod)}/${container}`;
  }

  /** Begins the log of another run. */
  async next(restartCount: number): Promise<LogWriter> {
    const log = await LogWriter.create(`${this.#directory}/${restartCount}.log`);
    if (this.previous !== null) await rm(this.previous.path, { force: true });
    this.previous = this.current;
    this.current = log;
    return log;
  }
}

/** Where the logs of a pod's containers are, for this process. */
export function podLogDirectory(node: RuntimeNode, { metadata = {} }: V1Pod): string {
  const { namespace, name, uid } = metadata;
  return nodePath(node, `/var/log/pods/${namespace}_${name}_${uid}`);
}
