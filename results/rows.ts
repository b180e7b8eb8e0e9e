import { baselineOf, firstStageOf } from './baseline.ts';
import type { Block } from './block.ts';
import { idleBeside, idleRate, idleUncertainty } from './cpu.ts';
import { durationAt } from './duration.ts';
import { effectOf, estimateOf, missingEffect, missingEstimate } from './effect.ts';
import { withFamilies } from './family.ts';
import { type Figure, figure } from './figure.ts';
import { doubledGain, isGeneratorBound } from './generator-bound.ts';
import { jackknife } from './jackknife.ts';
import { type Metric, metrics, type Series } from './metrics.ts';
import { type ByPass, paired } from './paired.ts';
import type { Effect, Estimate, Row } from './row.ts';
import type { Run } from './run.ts';
import { soundBlocks, spoiledBlocks } from './sound-blocks.ts';
import type { TestCase } from './test-case.ts';
import { unpaired } from './unpaired.ts';
import { invalidReasons } from './validity.ts';

/** Computes every row of a run from its samples. The same run gives the same rows, always. */
export function rowsOf(run: Run): Row[] {
  const rows = run.testCases.flatMap((testCase) => {
    const counted = metrics.filter(({ name }) => testCase.measurement.metrics.includes(name));
    return counted.flatMap((metric) =>
      metric.series(soundBlocks(testCase.outcome)).map((series) => rowOf(run, testCase, metric, series)),
    );
  });
  return withFamilies(rows);
}

function rowOf(run: Run, testCase: TestCase, metric: Metric, series: Series): Row {
  const blocks = soundBlocks(testCase.outcome);
  const { role, quantile, counter, standing } = series;
  const measure = measureOf(run, metric, series, blocks);
  const whole = blocks.length === 0 ? null : measure.asIs(blocks);
  const reason = reasonOf(testCase, whole);
  const { dataPlane, variant, profile, encryption, placement, measurement } = testCase;
  const parts = [testCase.id, metric.name, quantile, role, counter];
  return {
    id: parts.filter((part) => part !== null).join('#'),
    testCase: testCase.id,
    ...{ dataPlane, variant, profile, encryption, placement },
    measurement: measurement.name,
    parameters: measurement.parameters,
    metric: metric.name,
    ...{ role, quantile, counter },
    unit: metric.unit,
    direction: metric.direction,
    standing,
    n: blocks.length,
    spoiled: spoiledBlocks(testCase.outcome).length,
    samples: metric.samples(blocks),
    value: estimated(blocks, whole, measure),
    ...toNone(run, testCase, measure),
    toFirstStage: toFirstStage(run, testCase, measure),
    generatorBound: isGeneratorBound(doubledGain(blocks, measurement)),
    latenessShare: latenessShare(metric, quantile, blocks, whole),
    valid: reason === null,
    reason,
  };
}

/** How a series is measured, and how it would be if the idle cluster took one standard error more. */
type Measure = { asIs(blocks: readonly Block[]): Figure; shifted(blocks: readonly Block[]): Figure };

function measureOf(run: Run, metric: Metric, series: Series, blocks: readonly Block[]): Measure {
  const idleWindows = idleBeside(run, blocks);
  const idle = idleRate(idleWindows);
  const asIs = (some: readonly Block[]): Figure => metric.measure(some, series, idle);
  if (idle.value === null || !metric.lessIdle(series)) return { asIs, shifted: asIs };
  const more = figure(idle.value + idleUncertainty(idleWindows));
  return { asIs, shifted: (some) => metric.measure(some, series, more) };
}

function estimated(blocks: readonly Block[], whole: Figure | null, { asIs, shifted }: Measure): Estimate {
  if (whole === null) return missingEstimate('no block was measured');
  if (whole.value === null) return missingEstimate(whole.reason);
  const interval = jackknife(blocks, (some) => asIs(some).value);
  if (interval === null)
    return { value: whole.value, interval, reason: 'an interval takes two blocks with a figure each' };
  const shift = Math.abs((shifted(blocks).value ?? whole.value) - whole.value);
  return estimateOf(whole.value, interval, shift);
}

function toNone(run: Run, testCase: TestCase, { asIs, shifted }: Measure): Pick<Row, 'toNone' | 'addedToNone'> {
  const baseline = baselineOf(run.testCases, testCase);
  if (typeof baseline === 'string') {
    return { toNone: missingEffect(baseline), addedToNone: missingEstimate(baseline) };
  }
  const [own, base] = [soundBlocks(testCase.outcome), soundBlocks(baseline.outcome)];
  const { pairs, ratio, difference } = paired(byPass(own, asIs), byPass(base, asIs), {
    values: byPass(own, shifted),
    baseline: byPass(base, shifted),
  });
  if (difference === null) {
    const reason = 'no pass has a figure of both';
    return { toNone: missingEffect(reason), addedToNone: missingEstimate(reason) };
  }
  const few = difference.interval === null ? 'an interval takes two passes' : null;
  return {
    toNone:
      ratio === null
        ? missingEffect('a ratio takes numbers above 0', pairs)
        : effectOf(ratio, { n: pairs, isBaseline: baseline === testCase }),
    addedToNone: { value: difference.estimate, interval: difference.interval, reason: few },
  };
}

function toFirstStage(run: Run, testCase: TestCase, { asIs }: Measure): Effect {
  const first = firstStageOf(run.testCases, testCase);
  if (typeof first === 'string') return missingEffect(first);
  const [own, base] = [testCase, first].map(({ outcome }) => [...byPass(soundBlocks(outcome), asIs).values()]);
  const ratio = unpaired(own ?? [], base ?? []);
  if (ratio === null) return missingEffect('a ratio takes numbers above 0 in both stages');
  const n = Math.min(own?.length ?? 0, base?.length ?? 0);
  return effectOf(ratio, { n, isBaseline: false });
}

function reasonOf(testCase: TestCase, whole: Figure | null): string | null {
  const reasons = invalidReasons(testCase);
  if (reasons.length > 0) return reasons.join(' ');
  const missing = whole === null ? 'no block was measured' : whole.reason;
  return missing === null ? null : `There is no figure: ${missing}.`;
}

function latenessShare(
  { name }: Metric,
  quantile: number | null,
  blocks: readonly Block[],
  whole: Figure | null,
): number | null {
  if (name !== 'request_duration_seconds' || quantile === null || whole === null || blocks.length === 0) return null;
  const lateness = durationAt(blocks, 'lateness', quantile).value;
  return lateness === null || whole.value === null ? null : lateness / whole.value;
}

/** The figure of each block that has one. */
function byPass(blocks: readonly Block[], measure: (blocks: readonly Block[]) => Figure): ByPass {
  const values = new Map<number, number>();
  for (const block of blocks) {
    const { value } = measure([block]);
    if (value !== null) values.set(block.pass, value);
  }
  return values;
}
