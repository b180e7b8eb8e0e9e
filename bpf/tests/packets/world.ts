import { after, before, beforeEach } from 'node:test';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import { type Direction, numbers } from '../../../datapath/sidecarless/abi/numbers.ts';
import type { DatapathEvent } from '../../../datapath/sidecarless/flow/event.ts';
import { prefixesOf, wholeSpace } from '../../../datapath/sidecarless/policy/port-space.ts';
import type { Struct } from '../../../datapath/sidecarless/tests/struct-codec.ts';
import { type Counters, type Datapath, type Hook, loadDatapath } from './datapath.ts';
import { mac } from './frame.ts';
import { addLinks, type Links, removeLinks } from './links.ts';
import type { RunContext } from './run.ts';

export type Family = 'v4' | 'v6';

/** Someone with an address of each family. */
export type Party = Readonly<Record<Family, string>>;

/** A pod of this node. `mac` is its own, `nodeMac` that of its veth on the node. */
export type Pod = Party & { link: string; id: number; identity: number; mac: string; nodeMac: string };

export const pods = {
  a: {
    link: 'pod-a',
    id: 11,
    identity: 301,
    v4: '10.244.1.10',
    v6: 'fd00:244:1::10',
    mac: '0a:00:00:00:00:0a',
    nodeMac: '0e:00:00:00:00:0a',
  },
  b: {
    link: 'pod-b',
    id: 12,
    identity: 302,
    v4: '10.244.1.11',
    v6: 'fd00:244:1::11',
    mac: '0a:00:00:00:00:0b',
    nodeMac: '0e:00:00:00:00:0b',
  },
} as const satisfies Readonly<Record<string, Pod>>;

/** A pod of another node, and that node. */
export const remote: Party & { identity: number } = { v4: '10.244.2.20', v6: 'fd00:244:2::20', identity: 303 };
export const otherNode: Party = { v4: '10.1.0.2', v6: 'fd00:1::2' };
/** This node. */
export const node: Party = { v4: '10.1.0.1', v6: 'fd00:1::1' };
/** Somebody outside the cluster. */
export const outsider: Party = { v4: '192.0.2.1', v6: '2001:db8::1' };
/** The same, where policies name its range. */
export const named: Party & { identity: number } = {
  v4: '198.51.100.7',
  v6: '2001:db8:1::7',
  identity: numbers.identity.IDENTITY_CIDR,
};

export const uplinkMtuBytes = 1400;

/** What an endpoint's policy says of one peer: protocol and ports, both ends included; everything that is left out. */
export type TestRule = {
  peer?: number;
  protocol?: number;
  first?: number;
  last?: number;
  deny?: boolean;
  rule?: number;
};

/** What became of one frame, and what the datapath told of it. */
export type Outcome = {
  verdict: number;
  /** As the program left it. */
  frame: Uint8Array;
  lengthBytes: number;
  /** What was added to the counters. */
  counted: Counters;
  events: readonly DatapathEvent[];
};

/** A node with two pods, and what else is to be on the network. */
export type World = {
  datapath(): Datapath;
  links(): Links;
  fromPod(frame: Uint8Array, pod?: Pod): Outcome;
  /** From the node's stack, which has it from the network where `ingressIfindex` says so. */
  toPod(frame: Uint8Array, pod?: Pod, context?: RunContext): Outcome;
  fromNetwork(frame: Uint8Array): Outcome;
  /** Puts a pod into default deny in one direction, but for these rules, of which no two may overlap for one peer. */
  police(pod: Pod, direction: Direction, rules?: readonly TestRule[]): void;
  /** Takes a pod out of default deny in both directions. */
  free(pod: Pod): void;
  /** Lets policy be asked again about every connection. */
  nextEpoch(): void;
  configure(values: Partial<Struct<'config'>>): void;
};

/** Declares the tests of a file, in namespaces of their own. Before each test the world is as new. */
export function testInWorld(file: string, declare: (world: World) => void): void {
  testInNamespaces(file, () => {
    const names = ['uplink', ...Object.values(pods).map(({ link }) => link)];
    let links: Links = {};
    let datapath: Datapath;
    let config: Struct<'config'>;
    let rules: Map<string, readonly TestRule[]>;

    before(async () => {
      links = await addLinks(names, uplinkMtuBytes);
      datapath = await loadDatapath();
    });
    after(async () => {
      await datapath.close();
      await removeLinks(names);
    });
    beforeEach(() => {
      datapath.clear();
      rules = new Map();
      config = {
        node_v4: node.v4,
        node_v6: node.v6,
        uplink: links.uplink ?? 0,
        flags: numbers.config_flag.CONFIG_EVENTS,
        epoch: 1,
        report_ms: 0,
      };
      datapath.configure(config);
      for (const pod of Object.values(pods)) putPod(pod);
      identify(datapath);
      datapath.events();
    });

    const putPod = (pod: Pod): void => {
      const { ENDPOINT_POLICE_INGRESS: ingress, ENDPOINT_POLICE_EGRESS: egress } = numbers.endpoint_flag;
      const flags = (rules.has(`${pod.id}/INGRESS`) ? ingress : 0) | (rules.has(`${pod.id}/EGRESS`) ? egress : 0);
      const { id, identity } = pod;
      const macs = { mac: Uint8Array.from(mac(pod.mac)), node_mac: Uint8Array.from(mac(pod.nodeMac)) };
      for (const address of [pod.v4, pod.v6]) {
        datapath.setEndpoint(address, { id, identity, flags, ifindex: links[pod.link] ?? 0, ...macs });
      }
    };
    const putRules = (pod: Pod): void => {
      const directions = Object.entries(numbers.direction) as [Direction, 0 | 1][];
      datapath.setPolicy(
        pod.id,
        directions.flatMap(([name, direction]) =>
          (rules.get(`${pod.id}/${name}`) ?? []).flatMap((rule) => entriesOf(rule, direction)),
        ),
      );
      putPod(pod);
    };
    const send = (hook: Hook, frame: Uint8Array, context: RunContext): Outcome => {
      const counted = datapath.counters();
      const run = datapath.run(hook, frame, context);
      return {
        verdict: run.verdict,
        frame: run.frame.slice(),
        lengthBytes: frame.length,
        counted: difference(counted, datapath.counters()),
        events: datapath.events(),
      };
    };

    declare({
      datapath: () => datapath,
      links: () => links,
      fromPod: (frame, pod = pods.a) => send('sl_from_pod', frame, { ifindex: links[pod.link] ?? 0 }),
      toPod: (frame, pod = pods.a, context = {}) =>
        send('sl_to_pod', frame, { ifindex: links[pod.link] ?? 0, ...context }),
      fromNetwork: (frame) => send('sl_from_net', frame, { ifindex: links.uplink ?? 0 }),
      police(pod, direction, list = []) {
        rules.set(`${pod.id}/${direction}`, list);
        putRules(pod);
      },
      free(pod) {
        for (const direction of Object.keys(numbers.direction)) rules.delete(`${pod.id}/${direction}`);
        putRules(pod);
      },
      nextEpoch() {
        config = { ...config, epoch: config.epoch + 1 };
        datapath.configure(config);
      },
      configure(values) {
        config = { ...config, ...values };
        datapath.configure(config);
      },
    });
  });
}

function identify(datapath: Datapath): void {
  const { IPCACHE_CLUSTER: cluster, IPCACHE_LOCAL: local } = numbers.ipcache_flag;
  const { IDENTITY_HOST, IDENTITY_REMOTE_NODE, IDENTITY_WORLD } = numbers.identity;
  const noNode = '::';
  for (const family of ['v4', 'v6'] as const) {
    const put = (address: string, identity: number, flags: number, next = noNode): void =>
      datapath.setIdentity(`${address}/${family === 'v4' ? 32 : 128}`, { identity, flags, node: next });
    for (const pod of Object.values(pods)) put(pod[family], pod.identity, cluster | local);
    put(node[family], IDENTITY_HOST, cluster | local);
    put(otherNode[family], IDENTITY_REMOTE_NODE, cluster);
    put(remote[family], remote.identity, cluster, otherNode[family]);
  }
  datapath.setIdentity('198.51.100.0/24', { identity: named.identity, flags: 0, node: noNode });
  datapath.setIdentity('2001:db8:1::/48', { identity: named.identity, flags: 0, node: noNode });
  datapath.setIdentity('0.0.0.0/0', { identity: IDENTITY_WORLD, flags: 0, node: noNode });
}

function entriesOf(rule: TestRule, direction: 0 | 1) {
  const { peer = 0, protocol, first = 0, last = 0xffff, deny = false } = rule;
  const interval =
    protocol === undefined ? wholeSpace : { first: protocol * 0x10000 + first, last: protocol * 0x10000 + last };
  return prefixesOf(interval).map(({ place, bits }) => ({
    identity: peer,
    direction,
    protocol: place >> 16,
    port: place & 0xffff,
    prefixBits: bits,
    deny,
    rule: rule.rule ?? 0,
  }));
}

function difference(before: Counters, now: Counters): Counters {
  const grown: Counters = new Map();
  for (const [name, { packets, bytes }] of now) {
    const { packets: oldPackets, bytes: oldBytes } = before.get(name) ?? { packets: 0, bytes: 0 };
    if (packets > oldPackets) grown.set(name, { packets: packets - oldPackets, bytes: bytes - oldBytes });
  }
  return grown;
}
