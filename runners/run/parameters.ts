import { LabError } from '../../clusters/error.ts';
import type { ParameterValue } from '../../results/measurement.ts';
import { type LoadedScenario, parseScenario } from './scenario.ts';

/** Values for parameters, by name: one each, or several. */
export type AskedParameters = Readonly<Record<string, readonly ParameterValue[]>>;

/**
 * The scenario with other values for some of its parameters, in every measurement that has them, and with the measurements
 * of those names alone where any are named.
 * @throws LabError LAB_PARAMETER_UNKNOWN or LAB_MEASUREMENT_UNKNOWN (exit 2), saying what there is; LAB_PARAMETER_INVALID
 * (exit 2) where a value is none that a parameter can have.
 */
export function withParameters(
  scenario: LoadedScenario,
  { parameters = {}, measurements = [] }: { parameters?: AskedParameters; measurements?: readonly string[] },
): LoadedScenario {
  const names = scenario.measurements.map(({ name }) => name);
  for (const name of measurements) {
    if (!names.includes(name)) throw unknown('LAB_MEASUREMENT_UNKNOWN', scenario.name, 'measurement', name, names);
  }
  const chosen = scenario.measurements.filter(({ name }) => measurements.length === 0 || measurements.includes(name));
  const known = [...new Set(chosen.flatMap((measurement) => Object.keys(measurement.parameters)))];
  for (const name of Object.keys(parameters)) {
    if (!known.includes(name)) throw unknown('LAB_PARAMETER_UNKNOWN', scenario.name, 'parameter', name, known);
  }
  for (const [name, values] of Object.entries(parameters)) requireDifferent(name, values);
  const { manifestsText, ...declared } = scenario;
  const asked = {
    ...declared,
    measurements: chosen.map((measurement) => ({
      ...measurement,
      parameters: Object.fromEntries(
        Object.entries(measurement.parameters).map(([name, values]) => [name, parameters[name] ?? values]),
      ),
    })),
  };
  try {
    return { ...parseScenario(scenario.name, asked), manifestsText };
  } catch (cause) {
    if (!(cause instanceof LabError)) throw cause;
    const given = Object.entries(parameters).map(([name, values]) => `${name}=${values.join(',')}`);
    throw new LabError('LAB_PARAMETER_INVALID', {
      message: `${scenario.name} cannot be measured with ${given.join(' ')}:\n${cause.message.split('\n').slice(1).join('\n')}`,
      exitCode: 2,
      cause,
    });
  }
}

/** A value that is there twice would be one test case twice, under one id. */
function requireDifferent(name: string, values: readonly ParameterValue[]): void {
  const repeated = values.find((value, index) => values.indexOf(value) !== index);
  if (repeated === undefined) return;
  throw new LabError('LAB_PARAMETER_INVALID', {
    message: `The parameter ${name} has the value ${repeated} twice`,
    remedy: 'Each value is a test case: name it once.',
    exitCode: 2,
  });
}

function unknown(
  code: `LAB_${string}`,
  scenario: string,
  what: string,
  name: string,
  there: readonly string[],
): LabError {
  return new LabError(code, {
    message: `The scenario ${scenario} has no ${what} "${name}"`,
    remedy: `It has: ${there.join(', ')}.`,
    exitCode: 2,
  });
}
