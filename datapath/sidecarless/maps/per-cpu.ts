import { uint32 } from '../abi/record.ts';
import type { BpfMap } from '../libbpf/map.ts';

/** Sum over all CPUs of the 64-bit numbers that are `offset` bytes into an element of a per-CPU array. */
export function perCpuSum(map: BpfMap, index: number, { size = 8, offset = 0 } = {}): number {
  const value = map.lookup(uint32(index));
  if (value === null) return 0;
  const view = new DataView(value.buffer, value.byteOffset);
  let sum = 0n;
  for (let at = offset; at < value.length; at += size) sum += view.getBigUint64(at, true);
  return Number(sum);
}
