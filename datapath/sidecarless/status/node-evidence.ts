import { uint32 } from '../abi/records.ts';
import type { BpfMap } from '../libbpf/map.ts';
import type { Datapath, ProgramName } from '../maps/datapath.ts';
import { perCpuSum } from '../maps/per-cpu.ts';
import type { ServiceTable } from '../services/services.ts';

/** Monotonic counters of the node's datapath. */
export type NodeEvidence = {
  /** Connections that each service's port got here, by `namespace/name:port`. */
  connections: Record<string, number>;
  forwarded: { ingress: Counter; egress: Counter };
  /** For whatever reason, but for frames that are nobody's: groups, and what is no IP. */
  dropped: Counter;
  shortcut: Counter;
  lostEvents: number;
  /** How often the kernel has run each program. Another agent's programs begin at 0. */
  runs: Record<ProgramName, number>;
};

export type Counter = { packets: number; bytes: number };

export function evidenceOf(datapath: Datapath, services: ServiceTable): NodeEvidence {
  const connections: Record<string, number> = {};
  for (const { key, ids } of services.numbered()) {
    connections[key] = ids.reduce((sum, id) => sum + uint64(datapath.connects.lookup(uint32(id))), 0);
  }
  return {
    connections,
    forwarded: { ingress: counter(datapath.counters, 0), egress: counter(datapath.counters, 1) },
    dropped: dropped(datapath.counters),
    shortcut: counter(datapath.shortcut, 0),
    lostEvents: perCpuSum(datapath.lost, 0),
    runs: datapath.runs(),
  };
}

/** An element of `sl_counters` or `sl_shortcut`. */
export function counter(map: BpfMap, index: number): Counter {
  return { packets: perCpuSum(map, index, { size: 16 }), bytes: perCpuSum(map, index, { size: 16, offset: 8 }) };
}

/** Reasons that say nothing of anybody's traffic: unknown L3 protocols, multicast. */
const idleReasons: ReadonlySet<number> = new Set([139, 230]);

function dropped(map: BpfMap): Counter {
  const reasons = Array.from({ length: 255 }, (_, index) => index + 1).filter((reason) => !idleReasons.has(reason));
  const all = reasons.flatMap((reason) => [counter(map, 2 * reason), counter(map, 2 * reason + 1)]);
  return {
    packets: all.reduce((sum, { packets }) => sum + packets, 0),
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function uint64(value: Uint8Array | null): number {
  return value === null ? 0 : Number(new DataView(value.buffer).getBigUint64(0, true));
}
