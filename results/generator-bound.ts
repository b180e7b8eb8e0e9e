import type { Block } from './block.ts';
import { formatInterval, formatRatio } from './format.ts';
import type { Measurement } from './measurement.ts';
import { random } from './random.ts';
import { type Paired, paired } from './statistics.ts';

/** What twice the connections may do more, before a rate counts as the load generator's limit. */
const mostGain = 1.03;

/** What the rate with twice the connections is to the rate as asked, block by block; null where that was not tried. */
export function doubledGain(
  blocks: readonly Block[],
  { work }: Pick<Measurement, 'work'>,
  seed: number,
): Paired | null {
  const tried = blocks.filter(({ doubledRate }) => doubledRate !== null);
  if (tried.length === 0) return null;
  return paired(
    new Map(tried.map(({ pass, doubledRate }) => [pass, doubledRate ?? 0])),
    new Map(tried.map(({ pass, counts, windowSeconds }) => [pass, (counts[work] ?? 0) / windowSeconds])),
    random(seed),
  );
}

/**
 * Whether a rate is the load generator's limit rather than the data plane's: twice the connections raise it by more than
 * 3 %, and the interval says that it is no chance. Null where that was not tried, or not often enough to tell.
 */
export function isGeneratorBound(gain: Paired | null): boolean | null {
  if (gain === null || gain.ratio === null || gain.interval === null) return null;
  return gain.ratio > mostGain && gain.interval[0] > 1;
}

/** What a reader should know of a rate that is the generator's limit, or of which nobody knows; null otherwise. */
export function generatorBoundWarning(gain: Paired | null): string | null {
  if (gain === null) return null;
  const bound = isGeneratorBound(gain);
  if (bound === false) return null;
  if (bound === null)
    return 'Whether the load generator is the limit is not known: too few blocks tried twice the connections.';
  return `Generator-bound: with twice the connections the rate is ${formatRatio(gain.ratio)} (${formatInterval(gain.interval)}), so this one is not all that the data plane carries.`;
}
