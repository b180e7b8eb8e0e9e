import { z } from 'zod';
import { ParameterValue } from './measurement.ts';
import { Encryption, Placement, Profile, Role } from './vocabulary.ts';

/** One number and what it is relative to `none` (l4, plaintext, same placement) in the same blocks of the same run. */
export const Row = z.strictObject({
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
  unit: z.string(),
  quantile: z.number().nullable(),
  /** Over all blocks: a quantile is that of the merged histogram. */
  value: z.number().nullable(),
  /** The median of the blocks' ratios; null where there is no valid baseline, or a ratio means nothing. */
  ratioToNone: z.number().nullable(),
  /** The 95 % confidence interval of `ratioToNone`. */
  interval: z.tuple([z.number(), z.number()]).nullable(),
  /** The median of the blocks' differences, in `unit`. */
  addedToNone: z.number().nullable(),
  /**
   * What `value` is to that of the same test case in the run's first stage (with the fewest Services), which was not
   * measured in the same passes; null in that stage itself. Its 95 % confidence interval.
   */
  ratioToFirstStage: z.number().nullable(),
  intervalToFirstStage: z.tuple([z.number(), z.number()]).nullable(),
  /** Whether the load generator is the limit; null where nobody asked, or too few blocks did. */
  generatorBound: z.boolean().nullable(),
  valid: z.boolean(),
  /** Why the row is not valid; null where it is. */
  reason: z.string().nullable(),
});
export type Row = z.infer<typeof Row>;

/** What `lab run --json` prints: the id of the run, its scenario, and one row for each number. */
export const Comparison = z.strictObject({ run: z.string(), scenario: z.string(), rows: z.array(Row) });
export type Comparison = z.infer<typeof Comparison>;
