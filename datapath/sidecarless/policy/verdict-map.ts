import type { Interval } from './port-space.ts';

/** What one rule says of some places. `rule` is its number. */
export type Claim = { deny: boolean; rule: number; places: readonly Interval[] };

/** A stretch of places of one outcome, decided by one rule. */
export type Segment = Interval & { deny: boolean; rule: number };

/**
 * Settles claims: a denial beats an allowance, however narrow either is. Where several rules say the same, the one that
 * claims most is named, so that there are few segments. Disjoint and in order; what nobody claims is in none.
 */
export function settle(claims: readonly Claim[]): Segment[] {
  const ranked = claims.toSorted(
    (a, b) => Number(b.deny) - Number(a.deny) || size(b.places) - size(a.places) || a.rule - b.rule,
  );
  let settled: Segment[] = [];
  for (const { deny, rule, places } of ranked) {
    for (const { first, last } of places) {
      const free = gaps(settled, { first, last }).map((gap) => ({ ...gap, deny, rule }));
      if (free.length > 0) settled = [...settled, ...free].sort((a, b) => a.first - b.first);
    }
  }
  return settled.reduce<Segment[]>(join, []);
}

/** Whether every place of a segment has the same outcome in `others`, which are disjoint and in order. */
export function isImplied({ first, last, deny }: Segment, others: readonly Segment[]): boolean {
  return (
    gaps(
      others.filter((other) => other.deny === deny),
      { first, last },
    ).length === 0
  );
}

/** What of an interval lies in none of the segments. */
function gaps(segments: readonly Segment[], { first, last }: Interval): Interval[] {
  const found: Interval[] = [];
  let next = first;
  for (const segment of segments) {
    if (segment.last < next) continue;
    if (segment.first > last) break;
    if (segment.first > next) found.push({ first: next, last: segment.first - 1 });
    next = segment.last + 1;
  }
  if (next <= last) found.push({ first: next, last });
  return found;
}

function join(joined: Segment[], segment: Segment): Segment[] {
  const before = joined.at(-1);
  const continues = before?.last === segment.first - 1 && before.deny === segment.deny && before.rule === segment.rule;
  if (before !== undefined && continues) before.last = segment.last;
  else joined.push({ ...segment });
  return joined;
}

function size(places: readonly Interval[]): number {
  return places.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}
