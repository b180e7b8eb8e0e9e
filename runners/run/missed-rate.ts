import type { LoadResult } from '../../results/block.ts';

/** Of the requested rate. With less in a single block the others need not be waited for. */
const leastReached = 0.9;

/**
 * Why a block is so far from the rate that was asked for that its test case can only become invalid, as half a sentence
 * with what to do; null where it is not. What was dropped, or had no good answer, was not reached.
 */
export function missedRate({
  requestedRate,
  counts,
  windowSeconds,
  connections,
  errors,
  arrivals,
}: Pick<LoadResult, 'requestedRate' | 'counts' | 'windowSeconds' | 'connections' | 'errors' | 'arrivals'>):
  | string
  | null {
  const achievedRate = (counts.requests ?? 0) / windowSeconds;
  if (requestedRate === null || achievedRate >= leastReached * requestedRate) return null;
  const share = Math.round((achievedRate / requestedRate) * 100);
  const dropped = arrivals === null ? '' : `of ${arrivals.scheduled} arrivals ${arrivals.dropped} were dropped and `;
  return (
    `${requestedRate} requests/s were asked for and ${achievedRate.toFixed(1)} reached (${share} %; ` +
    `${dropped}${errors.count} requests failed). ` +
    `Ask for a lower --rate, or for more --connections than ${connections}.`
  );
}
