import type { V1Pod } from '@kubernetes/client-node';
import { z } from 'zod';
import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import { Traffic } from '../../results/block.ts';
import type { Window } from './driver.ts';
import { sendLoad } from './load-events.ts';
import type { LoopLoad, LoopResult } from './loops.ts';

/** What was answered within the window, in all. */
const FloodResult = z.object({
  windowSeconds: z.number(),
  requests: z.int(),
  bytesReceived: z.int(),
  failed: z.int(),
  firstFailure: z.string().nullable(),
  totals: Traffic,
});

/**
 * Has the generator's own flood send as much as the workload takes.
 * @throws GeneratorError LAB_GENERATOR_FAILED with what the generator said.
 */
export async function floodLoad(
  context: DataPlaneContext,
  pod: V1Pod,
  { workers: _, ...body }: LoopLoad,
  window: Window,
): Promise<LoopResult> {
  const result = await sendLoad(context, pod, { path: 'floods', body, result: FloodResult }, window);
  const { failed, firstFailure, ...counts } = result;
  return { ...counts, errors: { count: failed, kinds: failed === 0 ? {} : { [firstFailure ?? 'unknown']: failed } } };
}
