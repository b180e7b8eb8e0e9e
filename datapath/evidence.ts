import type { Evidence, Expectation } from './data-plane.ts';

/** One claim held against the counters. */
export type EvidenceCheck = {
  claim: string;
  counter: string;
  expected: string;
  measured: number | null;
  held: boolean;
};

/**
 * Holds what counters grew by against what they must have grown by. A counter that nobody expected to move must not have
 * moved: the traffic took another way.
 */
export function checkEvidence(
  before: Evidence,
  after: Evidence,
  expectations: readonly Expectation[],
): EvidenceCheck[] {
  const named = new Set(expectations.map(({ counter }) => counter));
  const growth = (counter: string): number | null => {
    const [then, now] = [before[counter], after[counter]];
    return then === undefined || now === undefined ? null : now - then;
  };
  const unexpected = Object.keys(after)
    .filter((counter) => !named.has(counter))
    .map((counter) => ({ counter, claim: 'nothing passes this hop', exactly: 0 }));
  return [...expectations, ...unexpected].map((expectation) => {
    const measured = growth(expectation.counter);
    const held =
      measured !== null &&
      ('exactly' in expectation ? measured === expectation.exactly : measured >= expectation.atLeast);
    return {
      claim: expectation.claim,
      counter: expectation.counter,
      expected: 'exactly' in expectation ? String(expectation.exactly) : `at least ${expectation.atLeast}`,
      measured,
      held,
    };
  });
}
