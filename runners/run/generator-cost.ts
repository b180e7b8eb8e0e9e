import type { Run } from '../../results/run.ts';

/**
 * What the generator itself takes of the machine and adds to a latency, measured beside a lean client: stated with every
 * result, because at 1000/s it costs as much CPU as a proxy does.
 */
export const generatorCost: Run['generator'] = {
  name: 'k6',
  version: '2.2.0',
  statedCost: {
    rate: 1000,
    cpuCores: 0.15,
    latencySeconds: 0.00006,
    how: 'CPU from its cgroup in a run on two cores; latency on loopback, beside a lean client that keeps the same timetable',
  },
};
