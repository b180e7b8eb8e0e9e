import { LabError } from '../../clusters/error.ts';
import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import { type EvidenceRecord, noEvidence } from '../../results/evidence-record.ts';
import type { Deployed } from './deploy.ts';
import type { PlannedCase } from './plan.ts';
import type { Recorder } from './recorder.ts';
import { verifyPlacement } from './verify.ts';

/**
 * Verifies all test cases, every data plane beside the others, and records what it found. What cannot be verified is not
 * proven, and recorded as that; the other data planes and placements go on.
 */
export async function verifyAll(
  context: DataPlaneContext,
  cases: readonly PlannedCase[],
  deployed: ReadonlyMap<string, Deployed>,
  recorder: Recorder,
): Promise<void> {
  const pools = [...new Set(cases.map(({ testCase }) => testCase.pool))];
  await Promise.all(
    pools.map(async (pool) => {
      for (const placement of new Set(cases.map(({ testCase }) => testCase.placement))) {
        const here = cases.filter(({ testCase }) => testCase.pool === pool && testCase.placement === placement);
        const there = deployed.get(pool.name);
        if (there === undefined) continue;
        const verified = await verifyHere(context, { cases: here, deployed: there, placement });
        for (const [id, record] of verified) recorder.verified(id, record);
      }
    }),
  );
}

async function verifyHere(
  context: DataPlaneContext,
  asked: Parameters<typeof verifyPlacement>[1],
): Promise<Map<string, EvidenceRecord>> {
  try {
    return await verifyPlacement(context, asked);
  } catch (error) {
    if (!(error instanceof LabError) || context.signal.aborted) throw error;
    const record = noEvidence(`It could not be verified: ${error.message}`);
    return new Map(asked.cases.map(({ id }) => [id, record]));
  }
}
