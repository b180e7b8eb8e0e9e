import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { LabError } from '../../clusters/error.ts';
import type { ParameterValue } from '../../results/measurement.ts';
import { Placement, Profile } from '../../results/vocabulary.ts';
import type { Driver } from '../load/driver.ts';
import { drivers } from '../load/drivers.ts';

const scenariosDirectory = join(import.meta.dirname, '..', '..', 'scenarios');

const Ports = z.array(z.strictObject({ profile: Profile, encrypted: z.boolean(), port: z.int() })).nonempty();
type Ports = z.infer<typeof Ports>;

/** A scenario's way of asking: load of one kind, with one value for each of its parameters, or several. */
export type ScenarioMeasurement = {
  name: string;
  kind: string;
  /** Each parameter's values: every combination of them is a test case. */
  parameters: Readonly<Record<string, readonly [ParameterValue, ...ParameterValue[]]>>;
  /** The workload Service's port for each way in which a data plane may carry it, where these are not the scenario's. */
  ports?: Ports | undefined;
};

/** The measurements that there are: a union by kind, of what the drivers declare. */
const Measurement: z.ZodType<ScenarioMeasurement> = z.discriminatedUnion(
  'kind',
  drivers.map((driver) =>
    z.strictObject({
      name: z.string().regex(/^[a-z][a-z0-9-]*$/),
      kind: z.literal(driver.kind),
      parameters: parametersOf(driver),
      ports: Ports.optional(),
    }),
  ) as unknown as [z.ZodObject, ...z.ZodObject[]],
) as unknown as z.ZodType<ScenarioMeasurement>;

/** What a scenario declares: the question, how it is measured, and what it runs on. It names no data plane. */
export const Scenario = z
  .strictObject({
    name: z.string().regex(/^[a-z][a-z0-9-]*$/),
    question: z.string(),
    measurements: z.array(Measurement).nonempty(),
    /** Interleaved passes over all test cases. */
    blocks: z.int().positive(),
    profiles: z.array(Profile).nonempty(),
    placements: z.strictObject({ all: z.array(Placement).nonempty(), default: z.array(Placement).nonempty() }),
    /** A file of its folder, or one beside the folders that several scenarios share. */
    manifests: z.string(),
    ports: Ports,
  })
  .refine(({ measurements }) => new Set(measurements.map(({ name }) => name)).size === measurements.length, {
    path: ['measurements'],
    error: 'each measurement must have a name of its own',
  });
export type Scenario = z.infer<typeof Scenario>;

/** A scenario with the texts of its files. */
export type LoadedScenario = Scenario & { manifestsText: string };

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
  const checked = parseScenario(name, scenario);
  return { ...checked, manifestsText: await readFile(join(folder, checked.manifests), 'utf8') };
}

/** @throws LabError LAB_SCENARIO_INVALID saying which field of the declaration is wrong. */
export function parseScenario(name: string, declared: unknown): Scenario {
  const checked = Scenario.safeParse(declared);
  if (checked.success) return checked.data;
  throw new LabError('LAB_SCENARIO_INVALID', {
    message: `scenarios/${name}/scenario.ts is not a scenario:\n${z.prettifyError(checked.error)}`,
    exitCode: 2,
  });
}

/** A driver's parameters, each with one value or a list of them; read as lists. */
function parametersOf({ parameters }: Driver): z.ZodType {
  const several = Object.entries(parameters.shape).map(([name, one]) => [
    name,
    z.union([z.array(one as z.ZodType).nonempty(), (one as z.ZodType).transform((value) => [value])]),
  ]);
  return z.strictObject(Object.fromEntries(several));
}
