import { z } from 'zod';
import { methodologyVersion } from './methodology.ts';
import { notesOf } from './notes.ts';
import { Row } from './row.ts';
import { rowsOf } from './rows.ts';
import { Host, type Run, Status } from './run.ts';
import { spoiledBlocks } from './sound-blocks.ts';
import type { TestCase } from './test-case.ts';
import { invalidReasons, warnings } from './validity.ts';

/** The version of what `lab run --json` prints. Fields may be added without another one. */
export const comparisonVersion = 2;

/** Computes all that is to be said of a run, from its samples. The same run gives the same comparison, always. */
export function compare(run: Run): Comparison {
  const { id, scenario, startedAt, status, host, versions, commit, dirty } = run;
  const rows = rowsOf(run);
  return {
    version: comparisonVersion,
    run: id,
    ...{ scenario, startedAt, status },
    methodologyVersion: { measured: run.methodologyVersion, computed: methodologyVersion },
    ...{ host, versions, commit, dirty },
    testCases: run.testCases.map((testCase) => remarksOn(testCase, run)),
    notes: notesOf(run, rows),
    rows,
  };
}

function remarksOn(testCase: TestCase, run: Run): Remarks {
  return {
    testCase: testCase.id,
    invalid: invalidReasons(testCase),
    caveats: testCase.caveats,
    warnings: warnings(testCase, run),
    spoiled: spoiledBlocks(testCase.outcome).map(({ pass, spoiled }) => ({ pass, reason: spoiled ?? '' })),
  };
}

/** What is said about a test case beside its numbers. */
const Remarks = z.strictObject({
  testCase: z.string(),
  /** Why none of its numbers may be used; empty where they may. */
  invalid: z.array(z.string()),
  /** What holds of it always, and what this run showed. */
  caveats: z.array(z.string()),
  warnings: z.array(z.string()),
  /** Why blocks were spoiled, by pass; their replacements are in the figures. */
  spoiled: z.array(z.strictObject({ pass: z.int().nonnegative(), reason: z.string() })),
});
export type Remarks = z.infer<typeof Remarks>;

/** What `lab run --json` prints: all that a reader needs to judge a run's numbers, and the numbers. */
export const Comparison = z.strictObject({
  version: z.literal(comparisonVersion),
  /** The id of the run, and its scenario. */
  run: z.string(),
  scenario: z.string(),
  startedAt: z.string(),
  status: Status,
  /** How it was measured, and how these rows were computed: `results/methodology.md` by version. */
  methodologyVersion: z.strictObject({ measured: z.int().positive(), computed: z.int().positive() }),
  host: Host,
  versions: z.record(z.string(), z.string()),
  commit: z.string().nullable(),
  dirty: z.boolean(),
  testCases: z.array(Remarks),
  /** What must be said of the whole run, in sentences. */
  notes: z.array(z.string()),
  rows: z.array(Row),
});
export type Comparison = z.infer<typeof Comparison>;
