import type { Check } from './check.ts';

/** The checks of `lab check`, by name; each is loaded when it is called. */
export const checks: Readonly<Record<string, () => Promise<Check>>> = {
  startup: async () => (await import('./startup.ts')).startup,
  cycles: async () => (await import('./cycles.ts')).cycles,
  'same-plane': async () => (await import('./same-plane.ts')).samePlane,
  'oldest-kernel': async () => (await import('./oldest-kernel.ts')).oldestKernel,
  'second-generator': async () => (await import('./second-generator.ts')).secondGenerator,
  cni: async () => (await import('./cni.ts')).cni,
  enforcement: async () => (await import('./enforcement.ts')).enforcement,
  agent: async () => (await import('./agent.ts')).agent,
};
