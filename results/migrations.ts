import { z } from 'zod';
import { schemaVersion } from './run.ts';

/**
 * Brings the JSON of a run that an earlier lab has recorded to the form of today, version by version. What that form asks
 * for and the earlier one did not record is left out or said to be unknown, never made up; the rows of a migrated run are
 * those that the lab of its time computed. The result is not checked against today's schema yet.
 * @returns null where there is no way from that version, a later lab's for one.
 * @throws z.ZodError where the value is not what that version wrote.
 */
export function migrate(value: unknown): unknown {
  const { schemaVersion: version } = Versioned.parse(value);
  let migrated: unknown = value;
  for (let from = version; from !== schemaVersion; from++) {
    const step = steps[from];
    if (step === undefined) return null;
    migrated = step(migrated);
  }
  return migrated;
}

const Versioned = z.looseObject({ schemaVersion: z.int() });

/** By the version that they begin with. */
const steps: Readonly<Record<number, (value: unknown) => unknown>> = { 1: from1, 2: from2, 3: from3 };

const Capture = z.looseObject({});
const Evidence = z.looseObject({ captures: z.array(Capture) });

const Version1 = z.looseObject({
  caveats: z.array(z.string()),
  testCases: z.array(
    z.looseObject({
      outcome: z.looseObject({ state: z.string(), verification: Evidence.nullish(), evidence: Evidence.optional() }),
    }),
  ),
});

/** Version 1 merged both verifications into one record, and captures did not say how many bytes they saw. */
function from1(value: unknown): unknown {
  const run = Version1.parse(value);
  const sized = (record: z.infer<typeof Evidence>) => ({
    ...record,
    captures: record.captures.map((capture) => ({ ...capture, payloadBytes: 0, requestBytes: 0 })),
  });
  return {
    ...run,
    schemaVersion: 2,
    caveats: [
      ...run.caveats,
      'Its verifications before and after were recorded as one, and without the bytes captured.',
    ],
    testCases: run.testCases.map((testCase) => {
      const { verification, evidence, ...outcome } = testCase.outcome;
      const both = verification == null ? verification : { before: sized(verification), after: sized(verification) };
      return {
        ...testCase,
        outcome: {
          ...outcome,
          ...(both === undefined ? {} : { verification: both }),
          ...(evidence === undefined ? {} : { evidence: sized(evidence) }),
          ...(outcome.state === 'measured' ? { stopped: null } : {}),
        },
      };
    }),
  };
}

const Version2 = z.looseObject({ generator: z.looseObject({ name: z.string() }) });

/** Version 2 stated what the generator was once found to cost; since then each run's own blocks say it. */
function from2(value: unknown): unknown {
  const run = Version2.parse(value);
  return { ...run, schemaVersion: 3, generator: run.generator.name };
}

const Block3 = z.looseObject({
  achievedRate: z.number(),
  latency: z.looseObject({ count: z.int() }),
  memoryBytes: z.looseObject({}).nullable(),
});
const Version3 = z.looseObject({
  scenario: z.string(),
  generator: z.string(),
  options: z.looseObject({
    seconds: z.number(),
    warmupSeconds: z.number(),
    rate: z.number().nullable(),
    connections: z.int(),
  }),
  testCases: z.array(z.looseObject({ outcome: z.looseObject({ blocks: z.array(Block3).optional() }) })),
});

/** Version 3 knew one kind of load, k6's, and its parameters were those of the run. */
function from3(value: unknown): unknown {
  const { generator, options, testCases, ...run } = Version3.parse(value);
  const { seconds, warmupSeconds, rate, connections, ...others } = options;
  const parameters = { ...(rate === null ? {} : { rate }), connections, warmupSeconds, seconds };
  const blocks = testCases.flatMap(({ outcome }) => outcome.blocks ?? []);
  const measurement = {
    name: run.scenario,
    kind: 'open-loop',
    label: null,
    parameters,
    metrics: [
      'request_duration_seconds',
      'requests_per_second',
      'cpu_seconds_per_request',
      'requests_failed_ratio',
      ...(blocks.some(({ memoryBytes }) => memoryBytes !== null) ? ['memory_bytes'] : []),
    ],
    work: 'requests',
  };
  const asked = Object.fromEntries(Object.entries(parameters).map(([name, one]) => [name, [one]]));
  return {
    ...run,
    schemaVersion: 4,
    generators: [generator],
    options: { ...others, measurements: [{ name: measurement.name, kind: measurement.kind, parameters: asked }] },
    stages: [],
    testCases: testCases.map(({ outcome, ...testCase }) => ({
      ...testCase,
      measurement,
      outcome: outcome.blocks === undefined ? outcome : { ...outcome, blocks: outcome.blocks.map(blockFrom3) },
    })),
  };
}

function blockFrom3({ achievedRate: _, latency, ...block }: z.infer<typeof Block3>): unknown {
  return {
    ...block,
    counts: { requests: latency.count },
    durations: { request: latency },
    besides: null,
    doubledRate: null,
  };
}
