import type { Pool } from '../../clusters/cluster.ts';
import { LabError } from '../../clusters/error.ts';
import type { DataPlane } from '../../datapath/data-plane.ts';
import { dataPlanes } from '../../datapath/data-planes.ts';
import { dataPlaneOf } from '../run/plan.ts';

/** What not every data plane can do. */
type Ability = 'flows' | 'tracePolicy';

/**
 * The pools whose data plane has an ability, and it.
 * @throws LabError LAB_ABILITY_MISSING (exit 2) where there is none, with the data planes that would. `does` says what they
 * do: `sees flows`.
 */
export function planesWith<A extends Ability>(
  pools: readonly Pool[],
  ability: A,
  does: string,
): { pool: Pool; member: NonNullable<DataPlane[A]> }[] {
  const found = pools.flatMap((pool) => {
    const member = dataPlaneOf(pool)[ability];
    return member === undefined ? [] : [{ pool, member: member as NonNullable<DataPlane[A]> }];
  });
  if (found.length > 0) return found;
  const able = dataPlanes.filter((plane) => plane[ability] !== undefined).map(({ id }) => id);
  throw new LabError('LAB_ABILITY_MISSING', {
    message: `No data plane of the cluster that is up (${pools.map(({ name }) => name).join(', ')}) ${does}; ${able.join(', ')} does`,
    remedy: `Take it down with \`lab down\` and start again with \`lab up --planes ${able.join(',')}\`.`,
    exitCode: 2,
  });
}
