import { z } from 'zod';

/** One value of a parameter: a whole number of connections, seconds of a window, the name of a generator … */
export const ParameterValue = z.union([z.number(), z.string(), z.boolean()]);
export type ParameterValue = z.infer<typeof ParameterValue>;

/** What a load generator does, and how much it costs is said for each of these. */
export const Work = z.enum(['requests', 'connections', 'bytes']);
export type Work = z.infer<typeof Work>;

/** What one test case is measured by: one of a scenario's measurements, with one value for each of its parameters. */
export const Measurement = z.strictObject({
  /** Its name in the scenario. */
  name: z.string().regex(/^[a-z][a-z0-9-]*$/),
  /** Which driver has sent the load: `open-loop`, `bulk` … */
  kind: z.string(),
  /**
   * What tells it from the scenario's other combinations of measurement and parameters, in an id: `bulk/streams=4`; null
   * where the scenario has no other.
   */
  label: z.string().min(1).nullable(),
  parameters: z.record(z.string(), ParameterValue),
  /** Names of the metrics that its blocks fill, the one that answers the question first. */
  metrics: z.array(z.string()).nonempty(),
  /** What its rate counts. */
  work: Work,
});
export type Measurement = z.infer<typeof Measurement>;

/** A measurement as a run was asked for it: all values of each parameter. */
export const AskedMeasurement = z.strictObject({
  name: z.string(),
  kind: z.string(),
  parameters: z.record(z.string(), z.array(ParameterValue).nonempty()),
});
export type AskedMeasurement = z.infer<typeof AskedMeasurement>;
