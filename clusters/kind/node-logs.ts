import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pool } from '../cluster.ts';
import type { Engine } from './engine.ts';
import { exportLogs } from './kind-command.ts';
import { kindWorkers } from './kind-config.ts';

/** What is kept of nodes that are about to be deleted. */
export type NodeLogs = {
  /** A sentence for people: where they are, or why they are not. */
  where: string;
  /** The last lines of a node's kubelet; null where there are none. */
  kubelet(node: string): Promise<string | null>;
};

const kubeletLines = 8;

/** Writes the logs of all nodes of the lab's cluster into a new folder below the working directory's `.lab/logs`. */
export async function saveNodeLogs(engine: Engine, pools: readonly Pool[], signal: AbortSignal): Promise<NodeLogs> {
  const directory = join(process.cwd(), '.lab', 'logs', `kind-${new Date().toISOString().replaceAll(':', '-')}`);
  const where = await exportLogs(engine, directory, signal).then(
    () => `The nodes’ logs are in ${directory}.`,
    (why: Error) => `What of the nodes’ logs could be had is in ${directory}: ${why.message}`,
  );
  const containers = new Map(kindWorkers(pools).map(({ node, container }) => [node, container]));
  return {
    where,
    async kubelet(node) {
      // The control plane's node has its container's name.
      const container = containers.get(node) ?? node;
      const text = await readFile(join(directory, container, 'kubelet.log'), 'utf8').catch(() => '');
      return text === '' ? null : text.trimEnd().split('\n').slice(-kubeletLines).join('\n');
    },
  };
}
