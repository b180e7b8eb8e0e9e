import type { Expectation } from '../../datapath/data-plane.ts';
import type { EvidenceCheck } from '../../results/evidence-record.ts';
import { type Figure, missing } from '../../results/figure.ts';
import type { Growth } from './growth.ts';

/**
 * Holds what counters grew by against what they must have grown by. A counter that nobody expected to move must not have
 * moved: the traffic took another way. One that could not be read may have. A counter that another is held against is not
 * held against anything itself.
 */
export function checkEvidence(growth: Growth, claims: readonly Expectation[]): EvidenceCheck[] {
  const named = new Set(claims.flatMap((claim) => [claim.counter, ...('sameAs' in claim ? [claim.sameAs] : [])]));
  const unexpected = Object.keys(growth)
    .filter((counter) => !named.has(counter))
    .map((counter): Expectation => ({ counter, claim: 'nothing passes this hop', exactly: 0 }));
  return [...claims, ...unexpected].map((claim) => {
    const measured = growthOfOne(growth, claim.counter);
    const [least, most] = boundsOf(claim, growth);
    return {
      claim: claim.claim,
      counter: claim.counter,
      expected: describe(claim, growth),
      measured: measured.value,
      unread: measured.reason,
      // What is held against something that could not be read does not hold.
      held: measured.value !== null && measured.value >= least && measured.value <= most,
    };
  });
}

/** Both ends included; of what nobody knows, none is within. */
function boundsOf(claim: Expectation, growth: Growth): readonly [least: number, most: number] {
  if ('exactly' in claim) return [claim.exactly, claim.exactly];
  if ('atLeast' in claim) return [claim.atLeast, Number.POSITIVE_INFINITY];
  if ('between' in claim) return claim.between;
  const { value } = growthOfOne(growth, claim.sameAs);
  return value === null ? [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] : [value, value];
}

function describe(claim: Expectation, growth: Growth): string {
  if ('exactly' in claim) return String(claim.exactly);
  if ('atLeast' in claim) return `at least ${claim.atLeast}`;
  if ('between' in claim) return `${claim.between[0]} to ${claim.between[1]}`;
  const { value, reason } = growthOfOne(growth, claim.sameAs);
  return `as much as ${claim.sameAs} (${value ?? reason})`;
}

function growthOfOne(growth: Growth, counter: string): Figure {
  return growth[counter] ?? missing('neither reading had such a counter');
}
