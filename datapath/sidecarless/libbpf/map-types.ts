/** The kernel's numbers of the kinds of maps (`enum bpf_map_type`). */
export const mapTypes = {
  HASH: 1,
  ARRAY: 2,
  PERCPU_ARRAY: 6,
  LRU_HASH: 9,
  LPM_TRIE: 11,
  HASH_OF_MAPS: 13,
  SOCKHASH: 18,
  SK_STORAGE: 24,
  RINGBUF: 27,
} as const;

export type MapType = keyof typeof mapTypes;
