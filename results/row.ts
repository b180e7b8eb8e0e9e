import { z } from 'zod';
import { ParameterValue } from './measurement.ts';
import { Encryption, Placement, Profile, Role } from './vocabulary.ts';

/** Low and high end of a 95 % confidence interval, both included; null where there is none. */
const IntervalOrNone = z.tuple([z.number(), z.number()]).nullable();

/** A figure with its interval. `reason` says why whichever of both is null. */
const Estimate = z.strictObject({
  value: z.number().nullable(),
  interval: IntervalOrNone,
  reason: z.string().min(1).nullable(),
});
export type Estimate = z.infer<typeof Estimate>;

/** What a figure is to another one: `finding` is what may be said of it, all comparisons of its table taken together. */
const Effect = z.strictObject({
  ratio: z.number().nullable(),
  interval: IntervalOrNone,
  /** Passes that have both; of an unpaired comparison, blocks of the smaller side. */
  n: z.int().nonnegative(),
  /** The chance of a ratio as far from 1 where nothing differs; alone, and with its family taken together (Holm). */
  p: z.number().nullable(),
  adjustedP: z.number().nullable(),
  finding: z.enum(['better', 'worse', 'undecided', 'no difference found']).nullable(),
  /** The smallest difference that 80 % of such runs would find, as a share: 0.07 is 7 %. */
  minimumDetectableEffect: z.number().nullable(),
  /** What the logarithm's interval was widened by, because passes that follow each other were alike; else 1. */
  widening: z.number().min(1).nullable(),
  /** Why whichever of these is null. */
  reason: z.string().min(1).nullable(),
});
export type Effect = z.infer<typeof Effect>;

/** One number and what it is relative to `none` (l4, plaintext, same placement) in the same passes of the same run. */
export const Row = z.strictObject({
  /** Of the row: that of the test case, the metric, and what tells series of it apart. */
  id: z.string(),
  /** The id of the test case. */
  testCase: z.string(),
  dataPlane: z.string(),
  variant: z.string().nullable(),
  profile: Profile,
  encryption: Encryption,
  placement: Placement,
  /** The name of the scenario's measurement, and the parameters that it was measured with. */
  measurement: z.string(),
  parameters: z.record(z.string(), ParameterValue),
  metric: z.string(),
  role: Role.nullable(),
  quantile: z.number().nullable(),
  /** The counter of the data plane whose growth it is. */
  counter: z.string().nullable(),
  unit: z.string(),
  /** Which way is better. */
  direction: z.enum(['lower', 'higher']),
  /** Whether a regression in it may fail a build. */
  standing: z.enum(['gated', 'informative']),
  /** Blocks that the figure is made of, and those that the machine spoiled, which are not in it. */
  n: z.int().nonnegative(),
  spoiled: z.int().nonnegative(),
  /** What was counted or timed in these blocks, one by one: requests, connections or bytes. */
  samples: z.int().nonnegative(),
  /** Over all blocks: a quantile is that of the merged histogram. */
  value: Estimate,
  toNone: Effect,
  /** What it is more than that of `none`, in `unit`. */
  addedToNone: Estimate,
  /**
   * What `value` is to that of the same test case in the run's first stage (with the fewest Services), which was not
   * measured in the same passes.
   */
  toFirstStage: Effect,
  /** Whether the load generator is the limit; null where nobody asked, or too few blocks did. */
  generatorBound: z.boolean().nullable(),
  /** The generator's own lateness at the same quantile, as a share of the value; null where it has none. */
  latenessShare: z.number().nullable(),
  valid: z.boolean(),
  /** Why the row is not valid; null where it is. */
  reason: z.string().nullable(),
});
export type Row = z.infer<typeof Row>;
