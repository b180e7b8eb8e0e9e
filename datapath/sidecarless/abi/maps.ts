import type { MapType } from '../libbpf/map-types.ts';
import { definitions } from './numbers.ts';
import { type StructName, structs } from './structs.ts';

/** What a key or a value is: a struct, a number in the host's order, or nothing at all. */
type Content = StructName | 'u32' | 'u64' | null;

/** `entries` is what the map has room for, of a ring buffer bytes; null where sockets carry the values themselves. */
export type MapShape = {
  readonly type: MapType;
  readonly key: Content;
  readonly value: Content;
  readonly entries: number | null;
};

/** The pinned maps of bpf/lib/maps.h, which says what each holds. A test holds them against what the compiler makes of it. */
export const maps = {
  sl_config: { type: 'ARRAY', key: 'u32', value: 'config', entries: 1 },
  sl_pods: { type: 'HASH', key: 'addr', value: 'endpoint', entries: 4096 },
  sl_ipcache: { type: 'LPM_TRIE', key: 'ipcache_key', value: 'ipcache_entry', entries: 65_536 },
  sl_policies: { type: 'HASH_OF_MAPS', key: 'u32', value: 'u32', entries: 4096 },
  sl_ct: { type: 'LRU_HASH', key: 'ct_key', value: 'ct_entry', entries: 262_144 },
  sl_services: { type: 'HASH', key: 'service_key', value: 'service', entries: 262_144 },
  sl_backends: { type: 'HASH', key: 'u32', value: 'backend', entries: 131_072 },
  sl_connects: { type: 'LRU_HASH', key: 'u32', value: 'u64', entries: 65_536 },
  sl_affinity: { type: 'LRU_HASH', key: 'affinity_key', value: 'affinity', entries: 65_536 },
  sl_translated: { type: 'LRU_HASH', key: 'translation_key', value: 'translation', entries: 262_144 },
  sl_nat: { type: 'LRU_HASH', key: 'nat_key', value: 'nat_entry', entries: 131_072 },
  sl_datagrams: { type: 'LRU_HASH', key: 'fragment_key', value: 'fragment', entries: 8192 },
  sl_sockets: { type: 'SOCKHASH', key: 'socket_key', value: 'u64', entries: 65_536 },
  sl_receivers: { type: 'LRU_HASH', key: 'socket_key', value: 'u64', entries: 65_536 },
  sl_listeners: { type: 'SK_STORAGE', key: 'u32', value: 'u32', entries: null },
  sl_counters: { type: 'PERCPU_ARRAY', key: 'u32', value: 'counter', entries: definitions.COUNTERS },
  sl_verdicts: { type: 'PERCPU_ARRAY', key: 'u32', value: 'u64', entries: definitions.VERDICTS },
  sl_shortcut: { type: 'PERCPU_ARRAY', key: 'u32', value: 'counter', entries: 1 },
  sl_events: { type: 'RINGBUF', key: null, value: null, entries: 4 << 20 },
  sl_lost: { type: 'PERCPU_ARRAY', key: 'u32', value: 'u64', entries: 1 },
} as const satisfies Readonly<Record<string, MapShape>>;

export type MapName = keyof typeof maps;

/** Each value of `sl_policies`: the policy of one endpoint, which the agent makes. */
export const policyMap = {
  type: 'LPM_TRIE',
  key: 'policy_key',
  value: 'policy_entry',
  entries: 16_384,
} as const satisfies MapShape;

/** Bytes of a key and of a value; of a per-CPU map those of all CPUs' values together. */
export function mapSizes({ type, key, value }: MapShape, possibleCpus: number): { keySize: number; valueSize: number } {
  const copies = type === 'PERCPU_ARRAY' ? possibleCpus : 1;
  return { keySize: sizeOf(key), valueSize: sizeOf(value) * copies };
}

function sizeOf(content: Content): number {
  switch (content) {
    case null:
      return 0;
    case 'u32':
      return 4;
    case 'u64':
      return 8;
    default:
      return structs[content].size;
  }
}
