import type { Block } from './block.ts';
import type { Comparison, Row } from './comparison.ts';
import { idleRate } from './cpu.ts';
import type { Figure } from './figure.ts';
import { type Metric, metrics, type Series } from './metrics.ts';
import { random } from './random.ts';
import type { Run } from './run.ts';
import { type ByPass, paired } from './statistics.ts';
import type { TestCase } from './test-case.ts';
import { invalidReasons } from './validity.ts';
import type { Placement } from './vocabulary.ts';

/** Computes every row of a run from its samples. The same run gives the same rows, always. */
export function compare(run: Run): Comparison {
  const idle = idleRate(run);
  const rows = run.testCases.flatMap((testCase) => {
    const baseline = baselineOf(run.testCases, testCase.placement);
    const reasons = invalidReasons(testCase);
    return metrics
      .filter((metric) => metric.asked(blocksOf(testCase)))
      .flatMap((metric) =>
        metric.series.map((series) => row(testCase, baseline, reasons, metric, series, idle, run.options.seed)),
      );
  });
  return { run: run.id, scenario: run.scenario, rows };
}

/**
 * What others are compared to: the pool named `none`, else the first that runs the data plane `none`; l4, plaintext, same
 * placement. Null where there is none, or where it is not valid itself.
 */
function baselineOf(testCases: readonly TestCase[], placement: Placement): TestCase | null {
  const candidates = testCases.filter(
    (testCase) =>
      testCase.dataPlaneId === 'none' &&
      testCase.profile === 'l4' &&
      testCase.encryption === 'none' &&
      testCase.variant === null &&
      testCase.placement === placement,
  );
  const baseline = candidates.find(({ dataPlane }) => dataPlane === 'none') ?? candidates[0];
  return baseline === undefined || invalidReasons(baseline).length > 0 ? null : baseline;
}

function row(
  testCase: TestCase,
  baseline: TestCase | null,
  reasons: readonly string[],
  metric: Metric,
  series: Series,
  idle: Figure,
  seed: number,
): Row {
  const blocks = blocksOf(testCase);
  const measured: Figure =
    blocks.length === 0 ? { value: null, reason: 'no block was measured' } : metric.measure(blocks, series, idle);
  const { ratio, interval, difference } = paired(
    byPass(blocks, metric, series, idle),
    byPass(baseline === null ? [] : blocksOf(baseline), metric, series, idle),
    random(seed),
  );
  const reason =
    reasons.length > 0 ? reasons.join(' ') : measured.value === null ? `There is no figure: ${measured.reason}.` : null;
  return {
    dataPlane: testCase.dataPlane,
    variant: testCase.variant,
    profile: testCase.profile,
    encryption: testCase.encryption,
    placement: testCase.placement,
    metric: metric.name,
    role: series.role,
    unit: metric.unit,
    quantile: series.quantile,
    value: measured.value,
    ratioToNone: ratio,
    interval,
    addedToNone: difference,
    valid: reason === null,
    reason,
  };
}

function byPass(blocks: readonly Block[], metric: Metric, series: Series, idle: Figure): ByPass {
  const values = new Map<number, number>();
  for (const block of blocks) {
    const { value } = metric.measure([block], series, idle);
    if (value !== null) values.set(block.pass, value);
  }
  return values;
}

function blocksOf({ outcome }: TestCase): readonly Block[] {
  return outcome.state === 'measured' ? outcome.blocks : [];
}
