import { z } from 'zod';
import { outsideNode, type Pool, poolOf } from '../../clusters/cluster.ts';
import { dataPlanes } from '../../datapath/data-planes.ts';
import type { Flag } from './flag.ts';
import { didYouMean } from './suggestion.ts';

const planeIds = dataPlanes.map(({ id }) => id);

// Names become Kubernetes names with a suffix, and must tell the lab's own nodes and namespaces apart.
const poolName = /^[a-z][a-z0-9-]{0,39}$/;

/**
 * `--planes none,sidecar`: one pool for each. `again=none` runs the same data plane under another name, beside the first.
 * Null when absent.
 */
export const planesFlag: Flag<readonly Pool[] | null> = {
  description: `data planes: ${planeIds.join(', ')}; NAME=ID runs one under another name (default: all)`,
  placeholder: 'A,B',
  choices: planeIds,
  schema: z
    .string()
    .transform((text, context): readonly Pool[] => {
      const pools = text.split(',').map((word) => parsePool(word, context));
      const names = pools.map(({ name }) => name);
      if (new Set(names).size < names.length) context.addIssue('names a pool twice; use NAME=ID for the second');
      return pools;
    })
    .nullable()
    .default(null),
};

/** A pool for every data plane that there is. */
export function allPools(): readonly Pool[] {
  return planeIds.map((id) => poolOf(id, id));
}

function parsePool(word: string, context: z.RefinementCtx): Pool {
  const [name = '', id = name] = word.split('=');
  if (!planeIds.includes(id)) {
    context.addIssue(`knows no data plane "${id}"${didYouMean(id, planeIds)}, but ${planeIds.join(', ')}`);
  } else if (!poolName.test(name) || name === outsideNode.name) {
    context.addIssue(`cannot name a pool "${name}": lower-case letters, digits and dashes, and not "outside"`);
  }
  return poolOf(name, id);
}
