import type { Pool } from '../../clusters/cluster.ts';
import type { DataPlane, TestCase } from '../../datapath/data-plane.ts';
import { baseline, dataPlanes } from '../../datapath/data-planes.ts';
import type { Placement, Profile } from '../../results/vocabulary.ts';
import type { Scenario } from './scenario.ts';

/** A test case that will be run, or one that its data plane cannot run, with the reason. */
export type PlannedCase = { id: string; dataPlane: DataPlane; testCase: TestCase; skipped: string | null };

/** What of a scenario is asked for. */
export type Selection = { pools: readonly Pool[]; profiles: readonly Profile[]; placements: readonly Placement[] };

/** All test cases of a selection: every mode of every data plane, for every placement. */
export function planTestCases(scenario: Scenario, { pools, profiles, placements }: Selection): PlannedCase[] {
  return placements.flatMap((placement) =>
    pools.flatMap((pool) => {
      const dataPlane = dataPlaneOf(pool);
      return dataPlane.modes.flatMap((mode) => {
        const port = scenario.ports.find(
          ({ profile, encrypted }) => profile === mode.profile && encrypted === (mode.encryption !== 'none'),
        );
        // The baseline is needed whatever profile is asked for.
        const asked = profiles.includes(mode.profile) || dataPlane.id === baseline.id;
        if (port === undefined || !asked) return [];
        const testCase: TestCase = { ...mode, pool, placement, port: port.port };
        const support = dataPlane.supports(testCase);
        // A variant is a switch of the data plane's own: where it switches nothing there is no test case to speak of.
        if (!support.supported && mode.variant !== null) return [];
        return [{ id: caseId(testCase), dataPlane, testCase, skipped: support.supported ? null : support.reason }];
      });
    }),
  );
}

/** The data plane of a pool; pools are only made for those that exist. */
export function dataPlaneOf(pool: Pool): DataPlane {
  const found = dataPlanes.find(({ id }) => id === pool.dataPlane);
  if (found === undefined) throw new Error(`pool ${pool.name} has an unknown data plane ${pool.dataPlane}`);
  return found;
}

/** `sidecar/l7/mtls/cross-node`, and the variant behind it where there is one. */
export function caseId({ pool, profile, encryption, placement, variant }: TestCase): string {
  return [pool.name, profile, encryption, placement, ...(variant === null ? [] : [variant])].join('/');
}
