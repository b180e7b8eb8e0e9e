import { join } from 'node:path';
import { runtimeDirectory } from '../life/paths.ts';
import { cacheRoot } from '../tools/cache.ts';

/** What is there while a kind cluster is up: root's alone, on a tmpfs. */
export const kindDirectory = join(runtimeDirectory, 'kind');

/** The data of the lab's own Docker daemon, on a disk. Between clusters it has the node image, and nothing else. */
export function engineData(): string {
  return join(cacheRoot(), 'kind-engine-data');
}

/** kind's name for the lab's cluster, and the prefix of its containers' names. */
export const clusterName = 'datapath-lab';

/** A folder with the client of the lab's own Docker daemon. */
export const ownPrograms = join(kindDirectory, 'bin');

/** The socket of the lab's own Docker daemon. */
export const engineSocket = join(kindDirectory, 'engine.sock');
