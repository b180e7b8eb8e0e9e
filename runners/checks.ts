import type { Check } from './checks/check.ts';

/** The checks of `lab check`, by name; each is loaded when it is called. */
export const checks: Readonly<Record<string, () => Promise<Check>>> = {
  startup: async () => (await import('./checks/startup.ts')).startup,
  cycles: async () => (await import('./checks/cycles.ts')).cycles,
  'same-plane': async () => (await import('./checks/same-plane.ts')).samePlane,
  'second-generator': async () => (await import('./checks/second-generator.ts')).secondGenerator,
};
