import type { TestCase } from './test-case.ts';
import { invalidReasons } from './validity.ts';

/**
 * What others are compared to: the pool named `none`, else the first that runs the data plane `none`; l4, plaintext, same
 * placement, measured by the same load. A sentence where there is none, or it is not valid itself.
 */
export function baselineOf(testCases: readonly TestCase[], { placement, measurement }: TestCase): TestCase | string {
  const candidates = testCases.filter(
    (other) =>
      other.dataPlaneId === 'none' &&
      other.profile === 'l4' &&
      other.encryption === 'none' &&
      other.variant === null &&
      other.placement === placement &&
      other.measurement.label === measurement.label,
  );
  const baseline = candidates.find(({ dataPlane }) => dataPlane === 'none') ?? candidates[0];
  return baseline === undefined ? 'none was not measured' : valid(baseline);
}

/** The same test case where the cluster held the fewest Services, if that is another one; else a sentence. */
export function firstStageOf(testCases: readonly TestCase[], testCase: TestCase): TestCase | string {
  const twins = testCases.filter((other) => identityBesideServices(other) === identityBesideServices(testCase));
  const services = ({ measurement }: TestCase): number => Number(measurement.parameters.services ?? 0);
  const [first] = twins.toSorted((one, other) => services(one) - services(other));
  if (first === undefined || services(first) === services(testCase)) return 'this is the first stage';
  return valid(first);
}

function identityBesideServices(testCase: TestCase): string {
  const { dataPlane, variant, profile, encryption, placement, measurement } = testCase;
  const { services: _, ...others } = measurement.parameters;
  return JSON.stringify([
    dataPlane,
    variant,
    profile,
    encryption,
    placement,
    measurement.name,
    Object.entries(others).sort(),
  ]);
}

function valid(testCase: TestCase): TestCase | string {
  return invalidReasons(testCase).length > 0 ? `${testCase.id} is not valid itself` : testCase;
}
