import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { LabError } from '../../clusters/error.ts';
import { Placement, Profile } from '../../results/vocabulary.ts';

const scenariosDirectory = join(import.meta.dirname, '..', '..', 'scenarios');

/** What a scenario declares: the question, the load with its defaults, and what it runs on. It names no data plane. */
export const Scenario = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]*$/),
  question: z.string(),
  load: z.strictObject({
    model: z.literal('open-loop'),
    generator: z.literal('k6'),
    script: z.string(),
    /** Requests per second. */
    rate: z.number().positive(),
    connections: z.int().positive(),
    warmupSeconds: z.number().nonnegative(),
    /** Measured seconds of one block. */
    seconds: z.number().positive(),
    requestTimeoutSeconds: z.number().positive(),
  }),
  /** Interleaved passes over all test cases. */
  blocks: z.int().positive(),
  responseBytes: z.int().nonnegative(),
  profiles: z.array(Profile).nonempty(),
  placements: z.strictObject({ all: z.array(Placement).nonempty(), default: z.array(Placement).nonempty() }),
  manifests: z.string(),
  /** The workload Service's port for each way in which a data plane may carry it. */
  ports: z.array(z.strictObject({ profile: Profile, encrypted: z.boolean(), port: z.int() })).nonempty(),
});
export type Scenario = z.infer<typeof Scenario>;

/** A scenario with the texts of its files. */
export type LoadedScenario = Scenario & { manifestsText: string; scriptText: string };

/** Names of all scenarios: one for each folder. */
export async function scenarioNames(): Promise<string[]> {
  const entries = await readdir(scenariosDirectory, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

/**
 * Reads and checks a scenario's folder.
 * @throws LabError LAB_SCENARIO_UNKNOWN (exit 2), or LAB_SCENARIO_INVALID saying which field is wrong.
 */
export async function loadScenario(name: string): Promise<LoadedScenario> {
  const names = await scenarioNames();
  if (!names.includes(name)) {
    throw new LabError('LAB_SCENARIO_UNKNOWN', {
      message: `There is no scenario "${name}"`,
      remedy: `Scenarios: ${names.join(', ')}. \`lab list\` says what each asks.`,
      exitCode: 2,
    });
  }
  const folder = join(scenariosDirectory, name);
  const { scenario } = (await import(join(folder, 'scenario.ts'))) as { scenario: unknown };
  const checked = Scenario.safeParse(scenario);
  if (!checked.success) {
    throw new LabError('LAB_SCENARIO_INVALID', {
      message: `scenarios/${name}/scenario.ts is not a scenario:\n${z.prettifyError(checked.error)}`,
      exitCode: 2,
    });
  }
  const [manifestsText, scriptText] = await Promise.all([
    readFile(join(folder, checked.data.manifests), 'utf8'),
    readFile(join(folder, checked.data.load.script), 'utf8'),
  ]);
  return { ...checked.data, manifestsText, scriptText };
}
