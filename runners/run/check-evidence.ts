import type { Evidence, Expectation } from '../../datapath/data-plane.ts';
import type { EvidenceCheck } from '../../results/evidence-record.ts';

/** What each counter grew by between two readings; null for one that either of them lacks. */
export function growthOf(before: Evidence, after: Evidence): Evidence {
  const counters = new Set([...Object.keys(before), ...Object.keys(after)]);
  return Object.fromEntries(
    [...counters].map((counter) => {
      const [then, now] = [before[counter] ?? null, after[counter] ?? null];
      return [counter, then === null || now === null ? null : now - then];
    }),
  );
}

/**
 * Holds what counters grew by against what they must have grown by. A counter that nobody expected to move must not have
 * moved: the traffic took another way. One that could not be read may have.
 */
export function checkEvidence(growth: Evidence, claims: readonly Expectation[]): EvidenceCheck[] {
  const named = new Set(claims.map(({ counter }) => counter));
  const unexpected = Object.keys(growth)
    .filter((counter) => !named.has(counter))
    .map((counter): Expectation => ({ counter, claim: 'nothing passes this hop', exactly: 0 }));
  return [...claims, ...unexpected].map((claim) => {
    const measured = growth[claim.counter] ?? null;
    return {
      claim: claim.claim,
      counter: claim.counter,
      expected: describe(claim),
      measured,
      held: measured !== null && meets(measured, claim),
    };
  });
}

function describe(claim: Expectation): string {
  if ('exactly' in claim) return String(claim.exactly);
  return 'atLeast' in claim ? `at least ${claim.atLeast}` : `${claim.between[0]} to ${claim.between[1]}`;
}

function meets(measured: number, claim: Expectation): boolean {
  if ('exactly' in claim) return measured === claim.exactly;
  if ('atLeast' in claim) return measured >= claim.atLeast;
  return measured >= claim.between[0] && measured <= claim.between[1];
}
