/**
 * How the bytes of a member are read: a number in the host's order or in the network's, an address as text, bytes as they
 * are, or one 64-bit number for each direction.
 */
export type Kind = 'host' | 'network' | 'address' | 'bytes' | 'by-direction';

/** Offset and size in bytes, and what they mean. */
export type Member = readonly [offset: number, size: number, kind: Kind];

export type StructLayout = { readonly size: number; readonly members: Readonly<Record<string, Member>> };

/**
 * The structs of bpf/lib/abi.h: the only place where their layouts are written down. A test holds them against what the
 * compiler makes of the header.
 */
export const structs = {
  addr: { size: 16, members: { word: [0, 16, 'bytes'] } },
  config: {
    size: 48,
    members: {
      node_v4: [0, 16, 'address'],
      node_v6: [16, 16, 'address'],
      uplink: [32, 4, 'host'],
      flags: [36, 4, 'host'],
      epoch: [40, 4, 'host'],
      report_ms: [44, 4, 'host'],
    },
  },
  endpoint: {
    size: 40,
    members: {
      id: [0, 4, 'host'],
      ifindex: [4, 4, 'host'],
      identity: [8, 4, 'host'],
      flags: [12, 4, 'host'],
      netns: [16, 8, 'host'],
      mac: [24, 6, 'bytes'],
      node_mac: [30, 6, 'bytes'],
      pad: [36, 4, 'bytes'],
    },
  },
  ipcache_key: { size: 20, members: { prefixlen: [0, 4, 'host'], addr: [4, 16, 'address'] } },
  ipcache_entry: {
    size: 24,
    members: { identity: [0, 4, 'host'], flags: [4, 4, 'host'], node: [8, 16, 'address'] },
  },
  policy_key: {
    size: 12,
    members: {
      prefixlen: [0, 4, 'host'],
      identity: [4, 4, 'host'],
      direction: [8, 1, 'host'],
      protocol: [9, 1, 'host'],
      port: [10, 2, 'network'],
    },
  },
  policy_entry: { size: 8, members: { rule: [0, 4, 'host'], deny: [4, 1, 'host'], pad: [5, 3, 'bytes'] } },
  ct_key: {
    size: 40,
    members: {
      local: [0, 16, 'address'],
      remote: [16, 16, 'address'],
      local_port: [32, 2, 'network'],
      remote_port: [34, 2, 'network'],
      protocol: [36, 1, 'host'],
      icmp_type: [37, 1, 'host'],
      pad: [38, 2, 'host'],
    },
  },
  ct_entry: {
    size: 80,
    members: {
      expires: [0, 8, 'host'],
      reported: [8, 16, 'by-direction'],
      packets: [24, 16, 'by-direction'],
      bytes: [40, 16, 'by-direction'],
      peer: [56, 4, 'host'],
      rule: [60, 4, 'host'],
      epoch: [64, 4, 'host'],
      opened: [68, 1, 'host'],
      flags: [69, 1, 'host'],
      tcp_flags: [70, 2, 'bytes'],
      port: [72, 2, 'network'],
      pad: [74, 6, 'bytes'],
    },
  },
  service_key: {
    size: 24,
    members: {
      addr: [0, 16, 'address'],
      port: [16, 2, 'network'],
      protocol: [18, 1, 'host'],
      pad: [19, 1, 'host'],
      slot: [20, 4, 'host'],
    },
  },
  service: {
    size: 12,
    members: { id: [0, 4, 'host'], count: [4, 4, 'host'], affinity_seconds: [8, 4, 'host'] },
  },
  backend: {
    size: 20,
    members: {
      addr: [0, 16, 'address'],
      port: [16, 2, 'network'],
      protocol: [18, 1, 'host'],
      flags: [19, 1, 'host'],
    },
  },
  affinity_key: { size: 16, members: { client: [0, 8, 'host'], service: [8, 4, 'host'], pad: [12, 4, 'host'] } },
  affinity: { size: 16, members: { last_used: [0, 8, 'host'], backend: [8, 4, 'host'], pad: [12, 4, 'host'] } },
  translation_key: {
    size: 32,
    members: {
      socket: [0, 8, 'host'],
      addr: [8, 16, 'address'],
      port: [24, 2, 'network'],
      protocol: [26, 1, 'host'],
      pad: [27, 5, 'bytes'],
    },
  },
  translation: {
    size: 24,
    members: { addr: [0, 16, 'address'], port: [16, 2, 'network'], pad: [18, 2, 'host'], service: [20, 4, 'host'] },
  },
  nat_key: {
    size: 40,
    members: {
      local: [0, 16, 'address'],
      remote: [16, 16, 'address'],
      local_port: [32, 2, 'network'],
      remote_port: [34, 2, 'network'],
      protocol: [36, 1, 'host'],
      direction: [37, 1, 'host'],
      pad: [38, 2, 'host'],
    },
  },
  nat_entry: {
    size: 32,
    members: {
      addr: [0, 16, 'address'],
      port: [16, 2, 'network'],
      pad: [18, 2, 'host'],
      pad2: [20, 4, 'host'],
      last_used: [24, 8, 'host'],
    },
  },
  fragment_key: {
    size: 40,
    members: {
      source: [0, 16, 'address'],
      destination: [16, 16, 'address'],
      id: [32, 4, 'network'],
      protocol: [36, 1, 'host'],
      pad: [37, 3, 'bytes'],
    },
  },
  fragment: {
    size: 8,
    members: {
      source_port: [0, 2, 'network'],
      destination_port: [2, 2, 'network'],
      protocol: [4, 1, 'host'],
      pad: [5, 3, 'bytes'],
    },
  },
  socket_key: {
    size: 36,
    members: {
      local: [0, 16, 'address'],
      remote: [16, 16, 'address'],
      local_port: [32, 2, 'network'],
      remote_port: [34, 2, 'network'],
    },
  },
  counter: { size: 16, members: { packets: [0, 8, 'host'], bytes: [8, 8, 'host'] } },
  event: {
    size: 104,
    members: {
      time: [0, 8, 'host'],
      source: [8, 16, 'address'],
      destination: [24, 16, 'address'],
      source_port: [40, 2, 'network'],
      destination_port: [42, 2, 'network'],
      source_identity: [44, 4, 'host'],
      destination_identity: [48, 4, 'host'],
      endpoint: [52, 4, 'host'],
      rule: [56, 4, 'host'],
      length: [60, 4, 'host'],
      type: [64, 1, 'host'],
      reason: [65, 1, 'host'],
      direction: [66, 1, 'host'],
      protocol: [67, 1, 'host'],
      tcp_flags: [68, 1, 'host'],
      is_reply: [69, 1, 'host'],
      point: [70, 1, 'host'],
      icmp_code: [71, 1, 'host'],
      socket: [72, 8, 'host'],
      service: [80, 16, 'address'],
      service_port: [96, 2, 'network'],
      pad: [98, 6, 'bytes'],
    },
  },
} as const satisfies Readonly<Record<string, StructLayout>>;

export type StructName = keyof typeof structs;
