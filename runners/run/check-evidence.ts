import type { Evidence, Expectation } from '../../datapath/data-plane.ts';
import type { EvidenceCheck } from '../../results/evidence-record.ts';

/** An expectation, or one of traffic whose generator does not count its own protocol's words to the last byte. */
export type Claim = Expectation | { counter: string; claim: string; between: readonly [least: number, most: number] };

/** What each counter grew by between two readings; one that is not in both is left out. */
export function growthOf(before: Evidence, after: Evidence): Evidence {
  const growth: Evidence = {};
  for (const [counter, now] of Object.entries(after)) {
    const then = before[counter];
    if (then !== undefined) growth[counter] = now - then;
  }
  return growth;
}

/**
 * Holds what counters grew by against what they must have grown by. A counter that nobody expected to move must not have
 * moved: the traffic took another way.
 */
export function checkEvidence(growth: Evidence, claims: readonly Claim[]): EvidenceCheck[] {
  const named = new Set(claims.map(({ counter }) => counter));
  const unexpected = Object.keys(growth)
    .filter((counter) => !named.has(counter))
    .map((counter): Claim => ({ counter, claim: 'nothing passes this hop', exactly: 0 }));
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

function describe(claim: Claim): string {
  if ('exactly' in claim) return String(claim.exactly);
  return 'atLeast' in claim ? `at least ${claim.atLeast}` : `${claim.between[0]} to ${claim.between[1]}`;
}

function meets(measured: number, claim: Claim): boolean {
  if ('exactly' in claim) return measured === claim.exactly;
  if ('atLeast' in claim) return measured >= claim.atLeast;
  return measured >= claim.between[0] && measured <= claim.between[1];
}
