import type { V1Pod } from '@kubernetes/client-node';
import { z } from 'zod';
import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import { Traffic } from '../../results/block.ts';
import type { Window } from './driver.ts';
import { sendLoad } from './load-events.ts';
import type { LoopLoad, LoopResult } from './loops.ts';

const AutocannonResult = z.object({
  windowSeconds: z.number().positive(),
  requests: z.int(),
  bytesReceived: z.int(),
  errors: z.object({ count: z.int(), kinds: z.record(z.string(), z.int()) }),
  totals: Traffic,
});

/**
 * Has autocannon send as much as the workload takes, with so many worker threads. Only its counts are used: its latencies
 * are whole milliseconds.
 * @throws GeneratorError LAB_GENERATOR_FAILED with what the generator said.
 */
export function runAutocannon(
  context: DataPlaneContext,
  pod: V1Pod,
  { reconnect: _, ...body }: LoopLoad,
  window: Window,
): Promise<LoopResult> {
  return sendLoad(context, pod, { path: 'programs/autocannon', body, result: AutocannonResult }, window);
}
