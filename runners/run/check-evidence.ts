import type { Evidence, Expectation } from '../../datapath/data-plane.ts';
import type { EvidenceCheck } from '../../results/evidence-record.ts';

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
export function checkEvidence(growth: Evidence, expectations: readonly Expectation[]): EvidenceCheck[] {
  const named = new Set(expectations.map(({ counter }) => counter));
  const unexpected = Object.keys(growth)
    .filter((counter) => !named.has(counter))
    .map((counter): Expectation => ({ counter, claim: 'nothing passes this hop', exactly: 0 }));
  return [...expectations, ...unexpected].map((expectation) => {
    const measured = growth[expectation.counter] ?? null;
    return {
      claim: expectation.claim,
      counter: expectation.counter,
      expected: 'exactly' in expectation ? String(expectation.exactly) : `at least ${expectation.atLeast}`,
      measured,
      held: measured !== null && meets(measured, expectation),
    };
  });
}

function meets(measured: number, expectation: Expectation): boolean {
  return 'exactly' in expectation ? measured === expectation.exactly : measured >= expectation.atLeast;
}
