import type { Check } from './checks/check.ts';

/** The checks of `lab check`, by name; each is loaded when it is called. */
export const checks: Readonly<Record<string, () => Promise<Check>>> = {
  startup: async () => (await import('./checks/startup.ts')).startup,
  cycles: async () => (await import('./checks/cycles.ts')).cycles,
  'same-plane': async () => (await import('./checks/same-plane.ts')).samePlane,
  'oldest-kernel': async () => (await import('./checks/oldest-kernel.ts')).oldestKernel,
  'second-generator': async () => (await import('./checks/second-generator.ts')).secondGenerator,
  throughput: async () => (await import('./checks/throughput.ts')).throughput,
  services: async () => (await import('./checks/services.ts')).services,
  cni: async () => (await import('./checks/cni.ts')).cni,
  enforcement: async () => (await import('./checks/enforcement.ts')).enforcement,
  agent: async () => (await import('./checks/agent.ts')).agent,
};
