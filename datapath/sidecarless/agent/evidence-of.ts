import type { BpfMap } from '../bpf/map.ts';
import type { Datapath } from './datapath.ts';
import { uint32 } from './records.ts';
import type { ServiceTable } from './services.ts';

/** Monotonic counters of the node's datapath. */
export type NodeEvidence = {
  /** Connections that each service's port got here, by `namespace/name:port`. */
  connections: Record<string, number>;
  forwarded: { ingress: Counter; egress: Counter };
  /** For whatever reason, but for frames that are nobody's: groups, and what is no IP. */
  dropped: Counter;
  shortcut: Counter;
  lostEvents: number;
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
    lostEvents: perCpu(datapath.lost, 0, 8).reduce((sum, view) => sum + Number(view.getBigUint64(0, true)), 0),
  };
}

function counter(map: BpfMap, index: number): Counter {
  const parts = perCpu(map, index, 16);
  return {
    packets: parts.reduce((sum, view) => sum + Number(view.getBigUint64(0, true)), 0),
    bytes: parts.reduce((sum, view) => sum + Number(view.getBigUint64(8, true)), 0),
  };
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

function perCpu(map: BpfMap, index: number, size: number): DataView[] {
  const value = map.lookup(uint32(index)) ?? new Uint8Array(0);
  return Array.from({ length: value.length / size }, (_, cpu) => new DataView(value.buffer, cpu * size, size));
}

function uint64(value: Uint8Array | null): number {
  return value === null ? 0 : Number(new DataView(value.buffer).getBigUint64(0, true));
}
