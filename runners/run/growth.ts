import type { Evidence } from '../../datapath/data-plane.ts';
import { type Figure, figure, missing, sumOf } from '../../results/figure.ts';

/** What each counter grew by, or why nobody knows. */
export type Growth = Readonly<Record<string, Figure>>;

/** What each counter grew by between two readings. One that either of them lacks is missing, with the reading that lacks it. */
export function growthOf(before: Evidence, after: Evidence): Growth {
  return eachOf(before, after, (counter) => {
    const [then, now] = [before[counter] ?? null, after[counter] ?? null];
    if (then !== null && now !== null) return figure(now - then);
    if (now !== null) return missing('the reading before it had no such counter');
    return missing(then === null ? 'neither reading had such a counter' : 'the reading after it had no such counter');
  });
}

/** What each counter grew by in both; missing where one of them does not say, and then why. */
export function addedGrowth(one: Growth, other: Growth): Growth {
  const unknown = missing('it was not read in every block');
  return eachOf(one, other, (counter) => sumOf([one[counter] ?? unknown, other[counter] ?? unknown]));
}

/** The numbers alone; null for one that is missing. */
export function numbersOf(growth: Growth): Record<string, number | null> {
  return Object.fromEntries(Object.entries(growth).map(([counter, { value }]) => [counter, value]));
}

function eachOf(one: object, other: object, of: (counter: string) => Figure): Growth {
  const counters = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries([...counters].map((counter) => [counter, of(counter)]));
}
