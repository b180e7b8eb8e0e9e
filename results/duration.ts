import type { Block } from './block.ts';
import { type Figure, figure, missing } from './figure.ts';
import { mergeHistograms, quantile } from './histogram.ts';

/** Of the requests beyond a quantile, what may be missing from a histogram that shows it. */
const mostMissing = 0.1;

/**
 * A quantile, in seconds, of the durations of that name in all blocks together. Requests that failed, and arrivals that were
 * dropped, are ranked above all others: nobody knows how long they would have taken, only that it was too long. Missing where
 * these are a tenth or more of what lies beyond the quantile, for then they decide it.
 */
export function durationAt(blocks: readonly Block[], name: string, q: number): Figure {
  const histograms = blocks.flatMap(({ durations }) => durations[name] ?? []);
  if (histograms.length === 0) return missing(absent[name] ?? 'it was not timed');
  if (histograms.length < blocks.length) return missing('it was not timed in every block');
  // Arrivals that never started are not late, they are dropped, and counted as that.
  const unanswered = name === 'lateness' ? 0 : unansweredIn(blocks);
  const merged = mergeHistograms(histograms);
  const value = quantile(merged, q, unanswered);
  if (value === null) return missing('no request was answered');
  const all = merged.count + unanswered;
  // A single block is held to its own rank only: a limit for each would leave out the ones in which something went wrong.
  if (value !== Number.POSITIVE_INFINITY && (blocks.length === 1 || unanswered < mostMissing * (1 - q) * all)) {
    return figure(value);
  }
  return missing(
    `${unanswered} of ${all} requests failed or were never sent, and so many would decide the p${Number((q * 100).toPrecision(4))}`,
  );
}

const absent: Record<string, string> = {
  wire: 'the generator does not know when its kernel had an answer',
  lateness: 'the generator has no histogram of its lateness',
};

function unansweredIn(blocks: readonly Block[]): number {
  return blocks.reduce((sum, { errors, arrivals }) => sum + errors.count + (arrivals?.dropped ?? 0), 0);
}
