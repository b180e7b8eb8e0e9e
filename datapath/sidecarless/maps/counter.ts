import { offsetsOf } from '../abi/offsets.ts';
import { structs } from '../abi/structs.ts';
import type { BpfMap } from '../libbpf/map.ts';
import { perCpuSum } from './per-cpu.ts';

const { size } = structs.counter;
const at = offsetsOf('counter');

/** What all CPUs together have counted. */
export type Counter = { packets: number; bytes: number };

/** The element of `sl_counters` for a reason (0: what was forwarded) and the number of a direction. */
export function counterIndex(reason: number, direction: number): number {
  return 2 * reason + direction;
}

/** The element of `sl_verdicts` for the number of a direction, and for what policy said. */
export function verdictIndex(direction: number, allowed: boolean): number {
  return 2 * (allowed ? 0 : 1) + direction;
}

/** An element of `sl_counters` or `sl_shortcut`. */
export function counter(map: BpfMap, index: number): Counter {
  return {
    packets: perCpuSum(map, index, { size, offset: at.packets }),
    bytes: perCpuSum(map, index, { size, offset: at.bytes }),
  };
}
