import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exec } from '../../../clusters/exec.ts';
import { mapSizes, maps as mapTable, policyMap } from '../../../datapath/sidecarless/abi/maps.ts';
import { definitions, numbers } from '../../../datapath/sidecarless/abi/numbers.ts';
import { uint32 } from '../../../datapath/sidecarless/abi/record.ts';
import type { StructName } from '../../../datapath/sidecarless/abi/structs.ts';
import { parseAddress } from '../../../datapath/sidecarless/address/address.ts';
import type { DatapathEvent } from '../../../datapath/sidecarless/flow/event.ts';
import { decodeEvent } from '../../../datapath/sidecarless/flow/event.ts';
import { type BpfMap, createPolicyMap } from '../../../datapath/sidecarless/libbpf/map.ts';
import { type BpfObject, loadObject } from '../../../datapath/sidecarless/libbpf/programs.ts';
import { readRing } from '../../../datapath/sidecarless/libbpf/ring-buffer.ts';
import { counter, counterIndex, verdictIndex } from '../../../datapath/sidecarless/maps/counter.ts';
import { openMap } from '../../../datapath/sidecarless/maps/open-map.ts';
import { perCpuSum } from '../../../datapath/sidecarless/maps/per-cpu.ts';
import type { PolicyEntry } from '../../../datapath/sidecarless/policy/compile.ts';
import { decode, encode, type Struct } from '../../../datapath/sidecarless/tests/struct-codec.ts';
import { buildObjects } from './programs.ts';
import { type RunContext, runProgram } from './run.ts';

/** Where a frame comes to: from a pod, from the node's stack to a pod, or from the network. */
export type Hook = 'sl_from_pod' | 'sl_to_pod' | 'sl_from_net';

/** One entry of a map, read. */
export type Entry<Key extends StructName, Value extends StructName> = { key: Struct<Key>; value: Struct<Value> };

/** Packets and bytes by `<reason>/<direction>`, 0 left out. */
export type Counters = Map<string, { packets: number; bytes: number }>;

/** The tc programs, loaded into a bpffs of their own, and their maps. */
export type Datapath = {
  run(hook: Hook, frame: Uint8Array, context: RunContext): { verdict: number; frame: Uint8Array };
  configure(config: Struct<'config'>): void;
  setEndpoint(address: string, endpoint: Omit<Struct<'endpoint'>, 'netns' | 'pad'>): void;
  /** Who is in a range, such as `10.0.0.0/8`. */
  setIdentity(cidr: string, entry: Struct<'ipcache_entry'>): void;
  deleteIdentity(cidr: string): void;
  /** Replaces an endpoint's policy. */
  setPolicy(endpoint: number, entries: readonly PolicyEntry[]): void;
  setConnection(key: Struct<'ct_key'>, entry: Struct<'ct_entry'>): void;
  /** Sets a connection's end to the beginning of time. */
  expireConnection(key: Struct<'ct_key'>): void;
  connections(): Entry<'ct_key', 'ct_entry'>[];
  masquerades(): Entry<'nat_key', 'nat_entry'>[];
  setMasquerade(key: Struct<'nat_key'>, entry: Struct<'nat_entry'>): void;
  deleteMasquerade(key: Struct<'nat_key'>): void;
  fragments(): Entry<'fragment_key', 'fragment'>[];
  /** Since the programs were loaded. */
  counters(): Counters;
  /** Connections that policy was asked about since the programs were loaded, by `<allowed or refused>/<direction>`. */
  verdicts(): Readonly<Record<string, number>>;
  /** Since they were last read. */
  events(): DatapathEvent[];
  /** That found no room, since the programs were loaded. */
  lostEvents(): number;
  /** Empties every map but the counters; endpoints that had a policy have an empty one. */
  clear(): void;
  close(): Promise<void>;
};

/** Compiles and loads the programs. It needs a mount namespace that is this process's own. */
export async function loadDatapath(): Promise<Datapath> {
  const objects = await buildObjects(['pod.bpf.o', 'uplink.bpf.o']);
  const pins = await mkdtemp(join(tmpdir(), 'lab-bpffs-'));
  await exec('mount', ['-t', 'bpf', 'bpf', pins]);
  const pod = loadObject(join(objects.directory, 'pod.bpf.o'), pins);
  const uplink = loadObject(join(objects.directory, 'uplink.bpf.o'), pins);
  const programs = {
    sl_from_pod: pod.programFd('sl_from_pod'),
    sl_to_pod: pod.programFd('sl_to_pod'),
    sl_from_net: uplink.programFd('sl_from_net'),
  };
  const maps = openMaps(pod, uplink);
  const policies = new Map<number, { trie: BpfMap; keys: readonly Uint8Array[] }>();
  let events: DatapathEvent[] = [];
  const ring = readRing(
    openMap(uplink, 'sl_events'),
    mapTable.sl_events.entries,
    (record) => void events.push(decodeEvent(record)),
  );

  return {
    run: (hook, frame, context) => runProgram(programs[hook], frame, context),
    configure: (config) => maps.config.update(new Uint8Array(4), encode('config', config)),
    setEndpoint: (address, endpoint) =>
      maps.endpoints.update(encode('addr', { word: parseAddress(address) }), encode('endpoint', endpoint)),
    setIdentity: (cidr, entry) => maps.ipcache.update(ipcacheKey(cidr), encode('ipcache_entry', entry)),
    deleteIdentity: (cidr) => maps.ipcache.delete(ipcacheKey(cidr)),
    setPolicy(endpoint, entries) {
      // To put another trie into the map of tries takes the kernel many milliseconds.
      const { trie, keys } = policies.get(endpoint) ?? { trie: putTrie(endpoint, maps.policies), keys: [] };
      const encoded = entries.map(encodePolicy);
      trie.deleteAll(keys);
      trie.updateAll(encoded);
      policies.set(endpoint, { trie, keys: encoded.map(({ key }) => key) });
    },
    setConnection: (key, entry) => maps.ct.update(encode('ct_key', key), encode('ct_entry', entry)),
    expireConnection(key) {
      const bytes = encode('ct_key', key);
      const value = maps.ct.lookup(bytes);
      if (value !== null) maps.ct.update(bytes, value.fill(0, 0, 8));
    },
    connections: () => read(maps.ct, 'ct_key', 'ct_entry'),
    masquerades: () => read(maps.nat, 'nat_key', 'nat_entry'),
    setMasquerade: (key, entry) => maps.nat.update(encode('nat_key', key), encode('nat_entry', entry)),
    deleteMasquerade: (key) => maps.nat.delete(encode('nat_key', key)),
    fragments: () => read(maps.fragments, 'fragment_key', 'fragment'),
    counters: () => readCounters(maps.counters),
    verdicts: () =>
      Object.fromEntries(
        Object.entries(numbers.direction).flatMap(([name, direction]) =>
          [true, false].map((allowed) => [
            `${allowed ? 'allowed' : 'refused'}/${name}`,
            perCpuSum(maps.verdicts, verdictIndex(direction, allowed)),
          ]),
        ),
      ),
    events() {
      ring.consume();
      const all = events;
      events = [];
      return all;
    },
    lostEvents: () => perCpuSum(maps.lost, 0),
    clear() {
      for (const map of [maps.endpoints, maps.ipcache, maps.ct, maps.nat, maps.fragments]) {
        map.deleteAll(map.entries().map(({ key }) => key));
      }
      for (const policy of policies.values()) {
        policy.trie.deleteAll(policy.keys);
        policy.keys = [];
      }
    },
    async close() {
      ring.close();
      for (const { trie } of policies.values()) trie.close();
      pod.close();
      uplink.close();
      await exec('umount', [pins]);
      await rm(pins, { recursive: true });
      await objects.remove();
    },
  };
}

function putTrie(endpoint: number, policies: BpfMap): BpfMap {
  const trie = createPolicyMap('sl_policy', { ...mapSizes(policyMap, 1), entries: policyMap.entries });
  policies.update(uint32(endpoint), uint32(trie.fd));
  return trie;
}

function openMaps(pod: BpfObject, uplink: BpfObject) {
  return {
    config: openMap(pod, 'sl_config'),
    endpoints: openMap(pod, 'sl_pods'),
    ipcache: openMap(pod, 'sl_ipcache'),
    policies: openMap(pod, 'sl_policies'),
    ct: openMap(pod, 'sl_ct'),
    nat: openMap(uplink, 'sl_nat'),
    fragments: openMap(pod, 'sl_datagrams'),
    counters: openMap(pod, 'sl_counters'),
    verdicts: openMap(pod, 'sl_verdicts'),
    lost: openMap(pod, 'sl_lost'),
  };
}

function read<Key extends StructName, Value extends StructName>(
  map: BpfMap,
  key: Key,
  value: Value,
): Entry<Key, Value>[] {
  return map.entries().map((entry) => ({ key: decode(key, entry.key), value: decode(value, entry.value) }));
}

function readCounters(map: BpfMap): Counters {
  const counters: Counters = new Map();
  for (const [reason, value] of Object.entries(numbers.drop_reason)) {
    for (const [direction, offset] of Object.entries(numbers.direction)) {
      const { packets, bytes } = counter(map, counterIndex(value, offset));
      if (packets > 0) counters.set(`${reason}/${direction}`, { packets, bytes });
    }
  }
  return counters;
}

function encodePolicy(entry: PolicyEntry): { key: Uint8Array; value: Uint8Array } {
  const { identity, direction, protocol, port, prefixBits, deny, rule } = entry;
  return {
    key: encode('policy_key', {
      prefixlen: definitions.POLICY_STATIC_BITS + prefixBits,
      identity,
      direction,
      protocol,
      port,
    }),
    value: encode('policy_entry', { rule, deny: deny ? 1 : 0 }),
  };
}

function ipcacheKey(cidr: string): Uint8Array {
  const [address = '', bits = ''] = cidr.split('/');
  return encode('ipcache_key', { prefixlen: Number(bits) + (cidr.includes(':') ? 0 : 96), addr: address });
}
