import { numbers } from '../abi/numbers.ts';
import { uint32 } from '../abi/record.ts';
import type { BpfMap } from '../libbpf/map.ts';
import { type Counter, counter, counterIndex, verdictIndex } from '../maps/counter.ts';
import type { Datapath, ProgramName } from '../maps/datapath.ts';
import { perCpuSum } from '../maps/per-cpu.ts';
import type { ServiceTable } from '../services/services.ts';

const { FORWARDED } = numbers.drop_reason;
const { INGRESS, EGRESS } = numbers.direction;

/** Monotonic counters of the node's datapath. */
export type NodeEvidence = {
  /** Connections that each service's port got here, by `namespace/name:port`. */
  connections: Record<string, number>;
  forwarded: { ingress: Counter; egress: Counter };
  /** For whatever reason, but for frames that are nobody's: groups, and what is no IP. */
  dropped: Counter;
  /** Connections that policy was asked about, by what it said, in both directions together. */
  verdicts: { allowed: number; refused: number };
  shortcut: Counter;
  lostEvents: number;
  /** How often the kernel has run each program. Another agent's programs begin at 0. */
  runs: Record<ProgramName, number>;
};

/** @param service whose connections are asked for, `namespace/name`; null for those of all, of which there may be thousands. */
export function evidenceOf(
  datapath: Datapath,
  services: Pick<ServiceTable, 'numbered'>,
  service: string | null = null,
): NodeEvidence {
  const connections: Record<string, number> = {};
  for (const { key, ids } of services.numbered(service)) {
    connections[key] = ids.reduce((sum, id) => sum + uint64(datapath.connects.lookup(uint32(id))), 0);
  }
  return {
    connections,
    forwarded: {
      ingress: counter(datapath.counters, counterIndex(FORWARDED, INGRESS)),
      egress: counter(datapath.counters, counterIndex(FORWARDED, EGRESS)),
    },
    dropped: dropped(datapath.counters),
    verdicts: { allowed: verdicts(datapath.verdicts, true), refused: verdicts(datapath.verdicts, false) },
    shortcut: counter(datapath.shortcut, 0),
    lostEvents: perCpuSum(datapath.lost, 0),
    runs: datapath.runs(),
  };
}

/** Reasons that say nothing of anybody's traffic: unknown L3 protocols, multicast. */
const idleReasons: ReadonlySet<number> = new Set([numbers.drop_reason.DROP_UNKNOWN_L3, numbers.drop_reason.DROP_GROUP]);

function dropped(map: BpfMap): Counter {
  const reasons = Object.values(numbers.drop_reason).filter(
    (reason) => reason !== FORWARDED && !idleReasons.has(reason),
  );
  const all = reasons.flatMap((reason) =>
    [INGRESS, EGRESS].map((direction) => counter(map, counterIndex(reason, direction))),
  );
  return {
    packets: all.reduce((sum, { packets }) => sum + packets, 0),
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function verdicts(map: BpfMap, allowed: boolean): number {
  return [INGRESS, EGRESS].reduce<number>(
    (sum, direction) => sum + perCpuSum(map, verdictIndex(direction, allowed)),
    0,
  );
}

function uint64(value: Uint8Array | null): number {
  return value === null ? 0 : Number(new DataView(value.buffer).getBigUint64(0, true));
}
