/**
 * The enums of bpf/lib/abi.h, with its names, so that one search finds both sides. A test holds them against what the
 * compiler makes of the header.
 */
export const numbers = {
  identity: {
    IDENTITY_UNKNOWN: 0,
    IDENTITY_HOST: 1,
    IDENTITY_WORLD: 2,
    IDENTITY_HEALTH: 4,
    IDENTITY_INIT: 5,
    IDENTITY_REMOTE_NODE: 6,
    IDENTITY_API_SERVER: 7,
    IDENTITY_FIRST_POD: 256,
    IDENTITY_CIDR: 1 << 24,
  },
  direction: { INGRESS: 0, EGRESS: 1 },
  config_flag: { CONFIG_SHORTCUT: 1 << 0, CONFIG_MASQUERADE: 1 << 1, CONFIG_EVENTS: 1 << 2 },
  endpoint_flag: { ENDPOINT_POLICE_INGRESS: 1 << 0, ENDPOINT_POLICE_EGRESS: 1 << 1, ENDPOINT_NO_SHORTCUT: 1 << 2 },
  ipcache_flag: { IPCACHE_CLUSTER: 1 << 0, IPCACHE_LOCAL: 1 << 1 },
  ct_flag: {
    CT_REPLIED: 1 << 0,
    CT_CLOSED_INGRESS: 1 << 1,
    CT_CLOSED_EGRESS: 1 << 2,
    CT_REVOKED: 1 << 3,
    CT_LOCAL: 1 << 4,
  },
  backend_flag: { BACKEND_TERMINATING: 1 << 0 },
  drop_reason: {
    FORWARDED: 0,
    DROP_INVALID_SOURCE_IP: 132,
    DROP_POLICY: 133,
    DROP_INVALID: 134,
    DROP_CT_INVALID_HDR: 135,
    DROP_UNKNOWN_CT: 163,
    DROP_UNKNOWN_L3: 139,
    DROP_UNKNOWN_L4: 142,
    DROP_INVALID_EXTENSION: 156,
    DROP_FRAGMENT_NOT_FOUND: 175,
    DROP_NO_SERVICE: 158,
    DROP_NO_NAT_PORT: 167,
    DROP_POLICY_DENY: 181,
    DROP_VLAN: 182,
    DROP_INTERNAL: 231,
    DROP_ENDPOINT_NOT_READY: 203,
    DROP_GROUP: 230,
  },
  event_type: { EVENT_FLOW: 1, EVENT_DROP: 2, EVENT_POLICY_VERDICT: 3, EVENT_TRANSLATION: 4 },
  observation_point: {
    TO_ENDPOINT: 0,
    TO_STACK: 3,
    TO_NETWORK: 11,
    FROM_ENDPOINT: 5,
    FROM_NETWORK: 10,
    PRE_XLATE_FWD: 1,
    POST_XLATE_FWD: 2,
    POST_XLATE_REV: 4,
  },
} as const;

/** The header's `#define`s: bits of a policy key's prefix, and elements of `sl_counters` and of `sl_verdicts`. */
export const definitions = {
  POLICY_STATIC_BITS: 40,
  POLICY_FULL_BITS: 64,
  COUNTERS: 256 * 2,
  VERDICTS: 2 * 2,
} as const;

/** By their names in C: `FORWARDED` and the reasons to drop a packet. */
export type Reason = keyof typeof numbers.drop_reason;

/** From the point of view of the pod. */
export type Direction = keyof typeof numbers.direction;
