import type { Run } from '../../results/run.ts';

/** The generator, and what it adds to a latency: measured on loopback beside a lean client, and stated with every result. */
export const generator: Run['generator'] = {
  name: 'k6',
  version: '2.2.0',
  addedLatency: {
    seconds: 0.00006,
    rate: 1000,
    how: 'found on loopback, beside a lean client that keeps the same timetable',
  },
};
