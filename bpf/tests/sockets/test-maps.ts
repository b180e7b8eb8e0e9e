import { join } from 'node:path';
import { type Config, configRecord } from '../../../datapath/sidecarless/abi/config.ts';
import { type EndpointRecord, endpointRecord } from '../../../datapath/sidecarless/abi/endpoint.ts';
import { ipcacheKey, ipcacheRecord } from '../../../datapath/sidecarless/abi/ipcache.ts';
import { type MapName, mapSizes, maps, policyMap } from '../../../datapath/sidecarless/abi/maps.ts';
import { numbers } from '../../../datapath/sidecarless/abi/numbers.ts';
import { policyKey, policyRecord } from '../../../datapath/sidecarless/abi/policy.ts';
import { uint32 } from '../../../datapath/sidecarless/abi/record.ts';
import { backendRecord, serviceKey, serviceRecord } from '../../../datapath/sidecarless/abi/service.ts';
import { parseAddress } from '../../../datapath/sidecarless/address/address.ts';
import { libbpf, resultOf } from '../../../datapath/sidecarless/libbpf/libbpf.ts';
import { type BpfMap, bpfMap, createPolicyMap } from '../../../datapath/sidecarless/libbpf/map.ts';
import { type Counter, counter, counterIndex } from '../../../datapath/sidecarless/maps/counter.ts';
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
  open(name: MapName): BpfMap;
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

/** Linux's own number of Multipath TCP, by which sockets are made. */
export const mptcp = 262;

/** Opens the maps pinned in a folder of a bpffs. */
export function testMaps(pins: string): TestMaps {
  const config: TestConfig = { uplink: 0, nodeV4: '::', nodeV6: '::', shortcut: true, epoch: 1 };
  const opened = new Map<string, BpfMap>();
  const open = (name: MapName): BpfMap => {
    const { keySize, valueSize } = mapSizes(maps[name], libbpf().possibleCpus());
    const map = opened.get(name) ?? bpfMap(name, pinned(join(pins, name)), keySize, valueSize);
    opened.set(name, map);
    return map;
  };
  return {
    open,
    configure(changes) {
      const { shortcut, ...rest } = Object.assign(config, changes);
      const { CONFIG_EVENTS, CONFIG_SHORTCUT } = numbers.config_flag;
      const flags = CONFIG_EVENTS | (shortcut ? CONFIG_SHORTCUT : 0);
      const record: Config = { ...rest, flags, reportMs: 0 };
      open('sl_config').update(uint32(0), configRecord(record));
    },
    putEndpoint: (address, endpoint) => open('sl_pods').update(parseAddress(address), endpointRecord(endpoint)),
    putIdentity(address, identity, flags, node) {
      const key = ipcacheKey(address, address.includes(':') ? 128 : 32);
      open('sl_ipcache').update(key, ipcacheRecord(identity, flags, node));
    },
    putPolicy(endpoint, entries) {
      const layout = { ...mapSizes(policyMap, 1), entries: policyMap.entries };
      const policy = createPolicyMap(`sl_policy_${endpoint}`, layout);
      for (const entry of entries) policy.update(policyKey(entry), policyRecord(entry));
      open('sl_policies').update(uint32(endpoint), uint32(policy.fd));
      policy.close();
    },
    putService(service) {
      const { id, protocol, backends, affinitySeconds = 0 } = service;
      for (const { isTerminating = false, ...backend } of backends) {
        open('sl_backends').update(uint32(backend.id), backendRecord({ ...backend, protocol }, isTerminating));
      }
      const chosen = backends.filter(({ isTerminating }) => isTerminating !== true);
      for (const [index, backend] of chosen.entries()) {
        open('sl_services').update(serviceKey(service, index + 1), serviceRecord(backend.id, 0, 0));
      }
      open('sl_services').update(serviceKey(service, 0), serviceRecord(id, chosen.length, affinitySeconds));
      deleteSlots(open('sl_services'), service, chosen.length + 1);
    },
    deleteService: (service) => deleteSlots(open('sl_services'), service, 0),
    deleteBackend: (id) => open('sl_backends').delete(uint32(id)),
    connects: (id) => words(open('sl_connects').lookup(uint32(id)))[0] ?? 0,
    carried: () => counter(open('sl_shortcut'), 0),
    counted: (reason, direction) => counter(open('sl_counters'), counterIndex(reason, numbers.direction[direction])),
  };
}

function pinned(path: string): number {
  return resultOf(`open ${path}`, libbpf().getPinned(path));
}

function deleteSlots(map: BpfMap, service: TestService, first: number): void {
  for (let slot = first; map.lookup(serviceKey(service, slot)) !== null; slot++) map.delete(serviceKey(service, slot));
}

function words(value: Uint8Array | null): number[] {
  return value === null ? [] : Array.from(new BigUint64Array(value.buffer), Number);
}
