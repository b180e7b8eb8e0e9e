import { holm } from './holm.ts';
import { fewestForRanks } from './location.ts';
import { metrics } from './metrics.ts';
import { minimumDetectableEffect } from './power.ts';
import type { Effect, Row } from './row.ts';

const significance = 0.05;

/** Which comparison of a row is meant. */
type Which = 'toNone' | 'toFirstStage';

/**
 * Completes the effects of rows: those that stand in one column of one table are looked at together, so their p-values are
 * adjusted together, and a finding is what still holds then. `undecided` is what holds alone, and may be chance among the others. What is not valid has none, and is in no family.
 */
export function withFamilies(rows: readonly Row[]): Row[] {
  return completed(completed(rows, 'toNone'), 'toFirstStage');
}

function completed(rows: readonly Row[], which: Which): Row[] {
  const families = Map.groupBy([...rows.keys()], (index) => familyOf(rows[index] as Row));
  const done = [...rows];
  for (const members of families.values()) {
    const compared = members.filter((index) => (rows[index] as Row).valid && (rows[index] as Row)[which].p !== null);
    const adjusted = holm(compared.map((index) => (rows[index] as Row)[which].p ?? 1));
    for (const [rank, index] of compared.entries()) {
      const row = rows[index] as Row;
      done[index] = { ...row, [which]: judged(row, row[which], adjusted[rank] ?? 1, compared.length) };
    }
  }
  return done;
}

/** The table's heading, and the column: latencies by quantile, what a client sees beside what goes over the wire. */
function familyOf({ measurement, placement, metric, quantile, role, counter }: Row): string {
  const table = metrics.find(({ name }) => name === metric)?.table ?? metric;
  return JSON.stringify([measurement, placement, table, quantile, role !== null, counter !== null]);
}

function judged({ direction }: Row, effect: Effect, adjustedP: number, family: number): Effect {
  const tooFew = smallestP(effect.n) * family >= significance;
  const detectable = tooFew ? null : minimumDetectableEffect(effect.interval, family);
  const finding = findingOf(effect, { isSignificant: adjustedP < significance, direction });
  const few = tooFew ? `${effect.n} passes cannot show any difference among ${family} comparisons` : null;
  return { ...effect, adjustedP, finding, minimumDetectableEffect: detectable, reason: effect.reason ?? few };
}

function findingOf(
  { ratio, interval }: Effect,
  { isSignificant, direction }: { isSignificant: boolean; direction: Row['direction'] },
): Effect['finding'] {
  const isAlone = interval !== null && (interval[0] > 1 || interval[1] < 1);
  if (!isSignificant) return isAlone ? 'undecided' : 'no difference found';
  return (ratio ?? 1) < 1 === (direction === 'lower') ? 'better' : 'worse';
}

/** The smallest p that a comparison of so many passes can have: of ranks, where all lie on one side. */
function smallestP(passes: number): number {
  return passes < fewestForRanks ? 0 : 2 / 2 ** passes;
}
