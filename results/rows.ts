import type { Block } from './block.ts';
import type { Comparison, Row } from './comparison.ts';
import { idleRate } from './cpu.ts';
import type { Figure } from './figure.ts';
import { doubledGain, isGeneratorBound } from './generator-bound.ts';
import { metrics } from './metrics.ts';
import { random } from './random.ts';
import type { Run } from './run.ts';
import { type ByPass, paired } from './statistics.ts';
import type { TestCase } from './test-case.ts';
import { type Unpaired, unpaired } from './unpaired.ts';
import { invalidReasons } from './validity.ts';

/** Computes every row of a run from its samples. The same run gives the same rows, always. */
export function compare(run: Run): Comparison {
  const idle = idleRate(run);
  const { seed } = run.options;
  const rows = run.testCases.flatMap((testCase) => {
    const relatives: Relatives = {
      baseline: baselineOf(run.testCases, testCase),
      firstStage: firstStageOf(run.testCases, testCase),
    };
    const reasons = invalidReasons(testCase);
    const generatorBound = isGeneratorBound(doubledGain(blocksOf(testCase), testCase.measurement, seed));
    return metrics
      .filter(({ name }) => testCase.measurement.metrics.includes(name))
      .flatMap((metric) =>
        metric.series.map((series) => ({
          testCase: testCase.id,
          ...identityOf(testCase),
          metric: metric.name,
          role: series.role,
          unit: metric.unit,
          quantile: series.quantile,
          ...figuresOf(testCase, relatives, (blocks) => metric.measure(blocks, series, idle), seed),
          generatorBound,
          ...standingOf(testCase, reasons, (blocks) => metric.measure(blocks, series, idle)),
        })),
      );
  });
  return { run: run.id, scenario: run.scenario, rows };
}

/** Test cases that another one is held against; null where there is none, or where it is not valid itself. */
type Relatives = { baseline: TestCase | null; firstStage: TestCase | null };

type Measure = (blocks: readonly Block[]) => Figure;

/**
 * What others are compared to: the pool named `none`, else the first that runs the data plane `none`; l4, plaintext, same
 * placement, measured by the same load.
 */
function baselineOf(testCases: readonly TestCase[], { placement, measurement }: TestCase): TestCase | null {
  const candidates = testCases.filter(
    (other) =>
      other.dataPlaneId === 'none' &&
      other.profile === 'l4' &&
      other.encryption === 'none' &&
      other.variant === null &&
      other.placement === placement &&
      other.measurement.label === measurement.label,
  );
  return valid(candidates.find(({ dataPlane }) => dataPlane === 'none') ?? candidates[0]);
}

/** The same test case where the cluster held the fewest Services, if that is another one. */
function firstStageOf(testCases: readonly TestCase[], testCase: TestCase): TestCase | null {
  const twins = testCases.filter((other) => identityBesideServices(other) === identityBesideServices(testCase));
  const services = ({ measurement }: TestCase): number => Number(measurement.parameters.services ?? 0);
  const [first] = twins.toSorted((one, other) => services(one) - services(other));
  return first === undefined || services(first) === services(testCase) ? null : valid(first);
}

function identityBesideServices(testCase: TestCase): string {
  const { measurement, parameters, ...identity } = identityOf(testCase);
  const { services: _, ...others } = parameters;
  return JSON.stringify([identity, measurement, Object.entries(others).sort()]);
}

function valid(testCase: TestCase | undefined): TestCase | null {
  return testCase === undefined || invalidReasons(testCase).length > 0 ? null : testCase;
}

function identityOf({ dataPlane, variant, profile, encryption, placement, measurement }: TestCase) {
  const { name, parameters } = measurement;
  return { dataPlane, variant, profile, encryption, placement, measurement: name, parameters };
}

function figuresOf(testCase: TestCase, { baseline, firstStage }: Relatives, measure: Measure, seed: number) {
  const blocks = blocksOf(testCase);
  const own = byPass(blocks, measure);
  const to = byPass(baseline === null ? [] : blocksOf(baseline), measure);
  const { ratio, interval, difference } = paired(own, to, random(seed));
  const few: Unpaired =
    firstStage === null
      ? { ratio: null, interval: null }
      : unpaired([...own.values()], [...byPass(blocksOf(firstStage), measure).values()], random(seed));
  return {
    value: blocks.length === 0 ? null : measure(blocks).value,
    ratioToNone: ratio,
    interval,
    addedToNone: difference,
    ratioToFirstStage: few.ratio,
    intervalToFirstStage: few.interval,
  };
}

function standingOf(testCase: TestCase, reasons: readonly string[], measure: Measure): Pick<Row, 'valid' | 'reason'> {
  const blocks = blocksOf(testCase);
  const missing = blocks.length === 0 ? 'no block was measured' : measure(blocks).reason;
  const reason = reasons.length > 0 ? reasons.join(' ') : missing === null ? null : `There is no figure: ${missing}.`;
  return { valid: reason === null, reason };
}

function byPass(blocks: readonly Block[], measure: Measure): ByPass {
  const values = new Map<number, number>();
  for (const block of blocks) {
    const { value } = measure([block]);
    if (value !== null) values.set(block.pass, value);
  }
  return values;
}

function blocksOf({ outcome }: TestCase): readonly Block[] {
  return outcome.state === 'measured' ? outcome.blocks : [];
}
