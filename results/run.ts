import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { AskedMeasurement } from './measurement.ts';
import { TestCase } from './test-case.ts';
import { Placement, Profile } from './vocabulary.ts';

/** The version of this file format. A lab writes this one, and reads the earlier ones too (migrations.ts). */
export const schemaVersion = 4;

/** The entry of `order` for the window in which nothing is sent. */
export const idle = 'idle';

/** What the run was asked for. What it achieved stands in the blocks. */
const Options = z.strictObject({
  planes: z.array(z.strictObject({ name: z.string(), dataPlane: z.string() })),
  profiles: z.array(Profile),
  placements: z.array(Placement),
  /** Interleaved passes over all test cases, in each stage. */
  blocks: z.int().positive(),
  measurements: z.array(AskedMeasurement).nonempty(),
  /** Of the order of blocks, and of the resampling when statistics are computed. */
  seed: z.int(),
  cluster: z.string(),
});

const Host = z.strictObject({
  kernel: z.string(),
  os: z.string(),
  cpuModel: z.string(),
  cores: z.int().positive(),
  memoryBytes: z.int().positive(),
  /** null where the host does not tell. */
  virtualised: z.boolean().nullable(),
  /** Whether the kernel accounts interrupt time apart from the interrupted; null where it does not tell. */
  irqTimeAccounting: z.boolean().nullable(),
  cgroup: z.enum(['v1', 'hybrid', 'v2']),
});

const Status = z.discriminatedUnion('state', [
  z.strictObject({ state: z.literal('finished') }),
  z.strictObject({ state: z.literal('interrupted') }),
  z.strictObject({ state: z.literal('failed'), reason: z.string().min(1) }),
]);

/** The Services that a cluster held beside its own, and for each pool the seconds until the last of them answered. */
const Stage = z.strictObject({
  services: z.int().nonnegative(),
  programmed: z.array(z.strictObject({ dataPlane: z.string(), seconds: z.number().nonnegative() })),
});
export type Stage = z.infer<typeof Stage>;

/** All blocks of one scenario on one machine: one JSON file that needs no other to be understood. */
export const Run = z
  .strictObject({
    schemaVersion: z.literal(schemaVersion),
    methodologyVersion: z.int().positive(),
    id: z.string().regex(/^\d{8}T\d{6}Z-[a-z][a-z0-9-]*-[0-9a-f]{6}$/),
    scenario: z.string(),
    startedAt: z.iso.datetime(),
    finishedAt: z.iso.datetime(),
    status: Status,
    options: Options,
    host: Host,
    /** By program: `kernel` is the host's, `envoy`, `k6` … what the lab ran. */
    versions: z.record(z.string(), z.string()),
    /** The commit of the lab; null where it does not run from a checkout. */
    commit: z.string().nullable(),
    /** Whether the checkout had changes that no commit holds. */
    dirty: z.boolean(),
    /** What must be said beside every number of this run. */
    caveats: z.array(z.string()),
    /** The load generators' names: their versions are among `versions`, and what they cost stands in the blocks. */
    generators: z.array(z.string()).nonempty(),
    /** One list for each pass: ids of test cases, and `idle`, in the order in which they ran. */
    order: z.array(z.array(z.string())),
    testCases: z.array(TestCase),
    /** What the cluster held while the passes ran, one stage after the other; one without any Services beside its own. */
    stages: z.array(Stage),
    /** Windows in which the cluster was up and nothing was sent. */
    idle: z.array(
      z.strictObject({
        pass: z.int().nonnegative(),
        seconds: z.number().positive(),
        /** CPU seconds of the whole machine. */
        busyCpuSeconds: z.number().nonnegative(),
      }),
    ),
  })
  .superRefine(({ order, testCases }, context) => {
    const issue = (path: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path, message });
    const ids = testCases.map(({ id }) => id);
    for (const [index, id] of ids.entries()) {
      if (ids.indexOf(id) !== index) issue(['testCases', index, 'id'], `${id} is there twice`);
    }
    for (const [pass, turns] of order.entries()) {
      for (const [turn, id] of turns.entries()) {
        if (id !== idle && !ids.includes(id)) issue(['order', pass, turn], `there is no test case ${id}`);
      }
    }
    for (const [index, { id, outcome }] of testCases.entries()) {
      const passes = outcome.state === 'measured' ? outcome.blocks.map(({ pass }) => pass) : [];
      for (const [block, pass] of passes.entries()) {
        const path = ['testCases', index, 'outcome', 'blocks', block, 'pass'];
        if (!order[pass]?.includes(id)) issue(path, `the order of pass ${pass} has no turn for ${id}`);
        if (passes.indexOf(pass) !== block) issue(path, `pass ${pass} is there twice`);
      }
    }
  });
export type Run = z.infer<typeof Run>;

/** A new id: when the run started (UTC), its scenario, and six random hexadecimal digits. */
export function newRunId(scenario: string, startedAt: Date): string {
  const stamp = startedAt.toISOString().replace(/[-:]|\.\d+/g, '');
  return `${stamp}-${scenario}-${randomBytes(3).toString('hex')}`;
}
