import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import type { Run } from '../../results/run.ts';
import type { Deployed } from './deploy.ts';
import type { PlannedCase } from './plan.ts';
import { addServices, type Backend } from './services.ts';

/** Test cases that ask the same of what the cluster holds, and so can be interleaved. */
export type StagePlan = { services: number; cases: readonly PlannedCase[] };

/** The stages of a run, the one with the fewest Services first: to make them is quicker than to have them go. */
export function stagesOf(cases: readonly PlannedCase[]): StagePlan[] {
  const services = ({ measurement }: PlannedCase): number => Number(measurement.parameters.services ?? 0);
  const numbers = [...new Set(cases.map(services))].sort((one, other) => one - other);
  return numbers.map((number) => ({
    services: number,
    cases: cases.filter((planned) => services(planned) === number),
  }));
}

/** Brings the cluster from one stage to the next, and says what it holds then. `held` are the Services of the one before. */
export async function enterStage(
  context: DataPlaneContext,
  { services, cases }: StagePlan,
  { held, deployed }: { held: number; deployed: ReadonlyMap<string, Deployed> },
): Promise<Run['stages'][number]> {
  if (services === held) return { services, programmed: [] };
  const programmed = await addServices(context, backendsOf(cases, deployed), { from: held, to: services });
  return {
    services,
    programmed: [...programmed].map(([{ planned }, seconds]) => ({ dataPlane: planned.testCase.pool.name, seconds })),
  };
}

/** One test case of each pool: its workload is a backend, its generator asks. */
function backendsOf(cases: readonly PlannedCase[], deployed: ReadonlyMap<string, Deployed>): Backend[] {
  const byPool = new Map<string, Backend>();
  for (const planned of cases) {
    const there = deployed.get(planned.testCase.pool.name);
    if (there !== undefined && !byPool.has(planned.testCase.pool.name)) {
      byPool.set(planned.testCase.pool.name, { planned, deployed: there });
    }
  }
  return [...byPool.values()];
}
