import type { Block } from './block.ts';
import { formatInterval, formatRatio } from './format.ts';
import type { Location } from './location.ts';
import type { Measurement } from './measurement.ts';
import { paired } from './paired.ts';

/** What twice the connections may do more, before a rate counts as the load generator's limit. */
const mostGain = 1.03;

/** What the rate with twice the connections is to the rate as asked, block by block; null where that was not tried, or nothing was done. */
export function doubledGain(blocks: readonly Block[], { work }: Pick<Measurement, 'work'>): Location | null {
  // A block in which nothing was done says nothing of what more connections would do.
  const tried = blocks.filter(({ doubledRate, counts }) => (doubledRate ?? 0) > 0 && (counts[work] ?? 0) > 0);
  const { ratio } = paired(
    new Map(tried.map(({ pass, doubledRate }) => [pass, doubledRate ?? 0])),
    new Map(tried.map(({ pass, counts, windowSeconds }) => [pass, (counts[work] ?? 0) / windowSeconds])),
  );
  return ratio;
}

/**
 * Whether a rate is the load generator's limit rather than the data plane's: twice the connections raise it by more than
 * 3 %, and the interval says that it is no chance. Null where that was not tried, or not often enough to tell.
 */
export function isGeneratorBound(gain: Location | null): boolean | null {
  if (gain === null || gain.interval === null) return null;
  return gain.estimate > mostGain && gain.interval[0] > 1;
}

/** What a reader should know of a rate that is the generator's limit, or of which nobody knows; null otherwise. */
export function generatorBoundWarning(blocks: readonly Block[], measurement: Pick<Measurement, 'work'>): string | null {
  if (blocks.every(({ doubledRate }) => doubledRate === null)) return null;
  const gain = doubledGain(blocks, measurement);
  const bound = isGeneratorBound(gain);
  if (bound === false) return null;
  if (bound === null)
    return 'Whether the load generator is the limit is not known: too few blocks tried twice the connections, and did anything.';
  return `Generator-bound: with twice the connections the rate is ${formatRatio(gain?.estimate ?? null)} (${formatInterval(gain?.interval ?? null)}), so this one is not all that the data plane carries.`;
}
