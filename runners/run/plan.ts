import type { Pool } from '../../clusters/cluster.ts';
import type { DataPlane, TestCase } from '../../datapath/data-plane.ts';
import { baseline, dataPlanes } from '../../datapath/data-planes.ts';
import type { Measurement, ParameterValue } from '../../results/measurement.ts';
import { testCaseId } from '../../results/test-case.ts';
import type { Placement, Profile } from '../../results/vocabulary.ts';
import type { Driver } from '../load/driver.ts';
import { driverOf } from '../load/drivers.ts';
import type { Scenario, ScenarioMeasurement } from './scenario.ts';

/** A test case that will be run, or one that its data plane cannot run, with the reason. */
export type PlannedCase = {
  id: string;
  dataPlane: DataPlane;
  testCase: TestCase;
  measurement: Measurement;
  driver: Driver;
  skipped: string | null;
};

/** What of a scenario is asked for. */
export type Selection = { pools: readonly Pool[]; profiles: readonly Profile[]; placements: readonly Placement[] };

/** All test cases of a selection: every mode of every data plane, for every placement and every combination of parameters. */
export function planTestCases(scenario: Scenario, { pools, profiles, placements }: Selection): PlannedCase[] {
  const combinations = combinationsOf(scenario);
  return combinations.flatMap(({ measurement, ports, driver }) =>
    placements.flatMap((placement) =>
      pools.flatMap((pool) => {
        const dataPlane = dataPlaneOf(pool);
        return dataPlane.modes.flatMap((mode): PlannedCase[] => {
          const port = ports.find(
            ({ profile, encrypted }) => profile === mode.profile && encrypted === (mode.encryption !== 'none'),
          );
          // The baseline is needed whatever profile is asked for.
          const asked = profiles.includes(mode.profile) || dataPlane.id === baseline.id;
          if (port === undefined || !asked) return [];
          const testCase: TestCase = { ...mode, pool, placement, port: port.port };
          const support = dataPlane.supports(testCase);
          // A variant is a switch of the data plane's own: where it switches nothing there is no test case to speak of.
          if (!support.supported && mode.variant !== null) return [];
          if (driver.socketsBlock && dataPlane.bypassesLinks?.(testCase)) return [];
          const id = testCaseId({ ...mode, dataPlane: pool.name, placement, measurement });
          const skipped = support.supported ? null : support.reason;
          return [{ id, dataPlane, testCase, measurement, driver, skipped }];
        });
      }),
    ),
  );
}

/** The data plane of a pool; pools are only made for those that exist. */
export function dataPlaneOf(pool: Pool): DataPlane {
  const found = dataPlanes.find(({ id }) => id === pool.dataPlane);
  if (found === undefined) throw new Error(`pool ${pool.name} has an unknown data plane ${pool.dataPlane}`);
  return found;
}

type Combination = { measurement: Measurement; ports: Scenario['ports']; driver: Driver };

/** Every measurement with every combination of its parameters' values. */
function combinationsOf({ measurements, ports }: Scenario): Combination[] {
  const alone = measurements.length === 1;
  return measurements.flatMap((asked) => {
    const driver = driverOf(asked.kind);
    const several = Object.keys(asked.parameters).filter((name) => (asked.parameters[name]?.length ?? 0) > 1);
    return product(asked.parameters).map((parameters): Combination => {
      const label = [...(alone ? [] : [asked.name]), ...several.map((name) => `${name}=${parameters[name]}`)].join('/');
      const { name, kind } = asked;
      const { metrics, work } = driver;
      const measurement = { name, kind, label: label || null, parameters, metrics: [...metrics], work };
      return {
        measurement: { ...measurement, metrics: [...metrics] as Measurement['metrics'] },
        ports: asked.ports ?? ports,
        driver,
      };
    });
  });
}

function product(parameters: ScenarioMeasurement['parameters']): Record<string, ParameterValue>[] {
  return Object.entries(parameters).reduce<Record<string, ParameterValue>[]>(
    (combinations, [name, values]) =>
      combinations.flatMap((combination) => values.map((value) => ({ ...combination, [name]: value }))),
    [{}],
  );
}
