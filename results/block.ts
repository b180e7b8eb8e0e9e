import { z } from 'zod';
import { Figure } from './figure.ts';
import { Histogram } from './histogram.ts';

const count = z.int().nonnegative();
const seconds = z.number().nonnegative();

/** What was sent and what came back, as the load generator counts it. */
export const Traffic = z.strictObject({ requests: count, connections: count, bytesSent: count, bytesReceived: count });
export type Traffic = z.infer<typeof Traffic>;

/** What a load generator says about one measured window. */
export const LoadResult = z.strictObject({
  /** Requests per second; null where the load is closed-loop. */
  requestedRate: z.number().positive().nullable(),
  windowSeconds: z.number().positive(),
  /** How many at once. */
  connections: z.int().positive(),
  /** What was done rightly within the window, by what it is: `requests`, `connections`, `bytes` … */
  counts: z.record(z.string(), count),
  /**
   * How long it took, by what it is. `request`: of the requests answered rightly; open-loop, from the instant at which each
   * was due.
   */
  durations: z.record(z.string(), Histogram),
  /** Requests that failed: how many, of what kind, and how long each took to fail. */
  errors: z.strictObject({ count, kinds: z.record(z.string(), count), latency: Histogram }),
  /** How well the generator kept its own timetable; null where the load is closed-loop. */
  arrivals: z
    .strictObject({
      scheduled: count,
      started: count,
      dropped: count,
      late: count,
      /** An arrival that starts later than this after the instant at which it was due is late. */
      lateThresholdSeconds: seconds,
      /** Seconds between the instant at which an arrival was due and its start; null where none started. */
      lateness: z.strictObject({ p50: z.number(), p99: z.number(), p999: z.number(), max: z.number() }).nullable(),
    })
    .nullable(),
  /** All that was sent since the generator connected, warm-up included: what the data plane's counters must show. */
  totals: Traffic.extend({ reconnects: count }),
  /**
   * What may have been sent beyond the totals, at the most: words of the load generator's own protocol, which it does not
   * count. Null where the totals are exact.
   */
  besides: Traffic.nullable(),
  /** Units of work per second with twice the connections, right after the window; null where that was not tried. */
  doubledRate: z.number().nonnegative().nullable(),
});
export type LoadResult = z.infer<typeof LoadResult>;

/** A role that no container has had cost 0; one that could not be read says why. */
const ByRole = z.strictObject({ generator: Figure, workload: Figure, proxy: Figure, control: Figure });

/** CPU time used between two readings, `seconds` apart, that enclose the window as tightly as they can. */
const CpuUse = z.strictObject({
  seconds: z.number().positive(),
  /** All that was not idle, on all cores, the lab or not. */
  busySeconds: seconds,
  /** What the hypervisor gave to others. */
  stealSeconds: seconds,
  /** CPU seconds of the pods' cgroups. */
  roles: ByRole,
});

/** One test case's turn in one pass. */
export const Block = LoadResult.extend({
  /** Which pass over all test cases, from 0. */
  pass: z.int().nonnegative(),
  windowBeganAt: z.iso.datetime(),
  cpu: CpuUse,
  /** Bytes that the pods' cgroups held at the end of the window; null where the scenario does not ask. */
  memoryBytes: ByRole.nullable(),
});
export type Block = z.infer<typeof Block>;
