import { join } from 'node:path';
import {
  backendKey,
  backendRecord,
  type Config,
  configFlags,
  configRecord,
  type EndpointRecord,
  endpointRecord,
  ipcacheKey,
  ipcacheRecord,
  policyKey,
  policyRecord,
  serviceKey,
  serviceRecord,
  sizes,
  uint32,
} from '../../../datapath/sidecarless/abi/records.ts';
import { parseAddress } from '../../../datapath/sidecarless/address/address.ts';
import { check, libbpf } from '../../../datapath/sidecarless/libbpf/libbpf.ts';
import { type BpfMap, bpfMap, createPolicyMap } from '../../../datapath/sidecarless/libbpf/map.ts';
import type { PolicyEntry } from '../../../datapath/sidecarless/policy/compile.ts';

/** The maps as tests fill and read them, by their pins. */
export type TestMaps = {
  configure(config: Partial<TestConfig>): void;
  putEndpoint(address: string, endpoint: EndpointRecord): void;
  /** Who has an address; `node` is the next hop to it. */
  putIdentity(address: string, identity: number, flags: number, node: string | null): void;
  /** Replaces an endpoint's whole policy. */
  putPolicy(endpoint: number, entries: readonly PolicyEntry[]): void;
  /** Replaces a service's backends. Those that terminate stay known and get nothing new. */
  putService(service: TestService): void;
  deleteService(service: TestService): void;
  deleteBackend(id: number): void;
  /** How many connections a service got. */
  connects(id: number): number;
  /** What the short-cut has carried. */
  carried(): Counter;
  /** What was dropped for a reason, or forwarded where it is 0. */
  counted(reason: number, direction: 'INGRESS' | 'EGRESS'): Counter;
  open(name: keyof typeof layouts): BpfMap;
};

export type TestConfig = {
  uplink: number;
  nodeV4: string;
  nodeV6: string;
  shortcut: boolean;
  /** Another one has the policy of every connection asked again. */
  epoch: number;
};

export type TestBackend = { id: number; address: string; port: number; isTerminating?: boolean };

export type TestService = {
  id: number;
  address: string;
  port: number;
  protocol: number;
  affinitySeconds?: number;
  backends: readonly TestBackend[];
};

export type Counter = { packets: number; bytes: number };

export const protocols = { tcp: 6, udp: 17, mptcp: 262 } as const;
export const dropReasons = { noService: 158, policy: 133, policyDeny: 181 } as const;

/** Of keys and values; of per-CPU maps one CPU's. */
const layouts = {
  sl_config: [4, sizes.config],
  sl_pods: [sizes.address, sizes.endpoint],
  sl_ipcache: [sizes.ipcacheKey, sizes.ipcacheEntry],
  sl_policies: [4, 4],
  sl_services: [sizes.serviceKey, sizes.service],
  sl_backends: [4, sizes.backend],
  sl_connects: [4, 8],
  sl_affinity: [16, 16],
  sl_translated: [32, 24],
  sl_ct: [40, 80],
  sl_sockets: [36, 8],
  sl_counters: [4, 16],
  sl_shortcut: [4, 16],
  sl_events: [0, 0],
} as const;

const directions = { INGRESS: 0, EGRESS: 1 } as const;

/** Opens the maps pinned in a folder of a bpffs. */
export function testMaps(pins: string): TestMaps {
  const config: TestConfig = { uplink: 0, nodeV4: '::', nodeV6: '::', shortcut: true, epoch: 1 };
  const opened = new Map<string, BpfMap>();
  const open = (name: keyof typeof layouts): BpfMap => {
    const [keySize, valueSize] = layouts[name];
    const cpus = name === 'sl_counters' || name === 'sl_shortcut' ? libbpf().possibleCpus() : 1;
    const map = opened.get(name) ?? bpfMap(name, pinned(join(pins, name)), keySize, valueSize * cpus);
    opened.set(name, map);
    return map;
  };
  return {
    open,
    configure(changes) {
      const { shortcut, ...rest } = Object.assign(config, changes);
      const flags = configFlags.events | (shortcut ? configFlags.shortcut : 0);
      const record: Config = { ...rest, flags, reportMs: 0 };
      open('sl_config').update(uint32(0), configRecord(record));
    },
    putEndpoint: (address, endpoint) => open('sl_pods').update(parseAddress(address), endpointRecord(endpoint)),
    putIdentity(address, identity, flags, node) {
      const key = ipcacheKey(address, address.includes(':') ? 128 : 32);
      open('sl_ipcache').update(key, ipcacheRecord(identity, flags, node));
    },
    putPolicy(endpoint, entries) {
      const layout = { keySize: sizes.policyKey, valueSize: sizes.policyEntry, entries: 16384 };
      const policy = createPolicyMap(`sl_policy_${endpoint}`, layout);
      for (const entry of entries) policy.update(policyKey(entry), policyRecord(entry));
      open('sl_policies').update(uint32(endpoint), uint32(policy.fd));
      policy.close();
    },
    putService(service) {
      const { id, protocol, backends, affinitySeconds = 0 } = service;
      for (const { isTerminating = false, ...backend } of backends) {
        open('sl_backends').update(backendKey(backend.id), backendRecord({ ...backend, protocol }, isTerminating));
      }
      const chosen = backends.filter(({ isTerminating }) => isTerminating !== true);
      for (const [index, backend] of chosen.entries()) {
        open('sl_services').update(serviceKey(service, index + 1), serviceRecord(backend.id, 0, 0));
      }
      open('sl_services').update(serviceKey(service, 0), serviceRecord(id, chosen.length, affinitySeconds));
      deleteSlots(open('sl_services'), service, chosen.length + 1);
    },
    deleteService: (service) => deleteSlots(open('sl_services'), service, 0),
    deleteBackend: (id) => open('sl_backends').delete(backendKey(id)),
    connects: (id) => words(open('sl_connects').lookup(uint32(id)))[0] ?? 0,
    carried: () => counterOf(open('sl_shortcut').lookup(uint32(0))),
    counted: (reason, direction) => counterOf(open('sl_counters').lookup(uint32(reason * 2 + directions[direction]))),
  };
}

function pinned(path: string): number {
  return check(`open ${path}`, libbpf().getPinned(path));
}

function deleteSlots(map: BpfMap, service: TestService, first: number): void {
  for (let slot = first; map.lookup(serviceKey(service, slot)) !== null; slot++) map.delete(serviceKey(service, slot));
}

/** The sum over all CPUs. */
function counterOf(value: Uint8Array | null): Counter {
  const all = words(value);
  const sum = (part: number): number => all.filter((_, at) => at % 2 === part).reduce((a, b) => a + b, 0);
  return { packets: sum(0), bytes: sum(1) };
}

function words(value: Uint8Array | null): number[] {
  return value === null ? [] : Array.from(new BigUint64Array(value.buffer), Number);
}
