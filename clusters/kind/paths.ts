import { join } from 'node:path';
import { runtimeDirectory } from '../netns/paths.ts';

/** What is there while a kind cluster is up: root's alone, on a tmpfs. */
export const kindDirectory = join(runtimeDirectory, 'kind');

/** kind's name for the lab's cluster, and the prefix of its containers' names. */
export const clusterName = 'datapath-lab';

/** The socket of the lab's own Docker daemon. */
export const engineSocket = join(kindDirectory, 'engine.sock');
