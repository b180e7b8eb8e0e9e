import assert from 'node:assert/strict';
import { numbers } from '../../../datapath/sidecarless/abi/numbers.ts';
import { formatAddress } from '../../../datapath/sidecarless/address/address.ts';
import { type Chance, chance } from '../../../datapath/sidecarless/tests/random-policies.ts';
import type { Struct } from '../../../datapath/sidecarless/tests/struct-codec.ts';
import type { Counters, Datapath, Hook } from './datapath.ts';
import { randomConversation, randomFrame, type Sent } from './fuzz-traffic.ts';
import { hexOf, identifyCluster, loadPolicies, modelPods, node } from './fuzz-world.ts';
import type { Links } from './links.ts';
import { type Arrival, createModel, type Model, type ModelPod } from './model.ts';
import type { ModelConnection } from './model-connection.ts';

/** How a run of random packets went. `seen`: how many had each verdict. */
export type Fuzzed = { packets: number; episodes: number; abandoned: number; seen: Map<string, number> };

export type FuzzOptions = { datapath: Datapath; links: Links; uplinkMtuBytes: number; packets: number; seed: number };

const packetsPerEpisode = 2000;
/** No connection of the kernel's lives shorter than 10 s: an episode that takes longer proves nothing. */
const longestEpisodeMs = 9000;
const hooks = { pod: 'sl_from_pod', stack: 'sl_to_pod', network: 'sl_from_net' } as const satisfies Record<
  string,
  Hook
>;

/**
 * Sends random packets through the programs and through the model, under policies that change, and compares verdicts and
 * frames one by one, counters, events and connections by the episode.
 * @throws AssertionError naming the seed of the episode, and the packet with its arrival where it could be found.
 */
export function fuzz(options: FuzzOptions): Fuzzed {
  const fuzzed: Fuzzed = { packets: 0, episodes: 0, abandoned: 0, seen: new Map() };
  for (let seed = options.seed; fuzzed.packets < options.packets; seed++) {
    const episode = { ...options, seed, packets: Math.min(packetsPerEpisode, options.packets - fuzzed.packets) };
    try {
      if (!runEpisode(episode, fuzzed, false)) fuzzed.abandoned += 1;
    } catch (error) {
      // Again, with everything compared after each packet, to say which it is.
      runEpisode(episode, fuzzed, true);
      throw error;
    }
    fuzzed.episodes += 1;
  }
  return fuzzed;
}

/** @returns false where it took too long to be compared. */
function runEpisode(options: FuzzOptions, fuzzed: Fuzzed, isCareful: boolean): boolean {
  const { datapath, links, uplinkMtuBytes, packets, seed } = options;
  const random = chance(seed);
  const began = performance.now();
  datapath.clear();
  datapath.events();
  identifyCluster(datapath);
  const pods = modelPods(links);
  const model = createModel({ pods, node: [node.v4, node.v6].map(hexOf), uplinkMtuBytes });
  const before = datapath.counters();
  const told = new Map<string, number>();
  let loaded = { ranges: [] as readonly string[] };
  let epoch = 0;
  const changePolicies = (): void => {
    const next = loadPolicies(datapath, pods, random, loaded.ranges);
    loaded = next;
    model.setPolicy(next.judge);
    epoch += 1;
    datapath.configure({
      ...{ node_v4: node.v4, node_v6: node.v6, uplink: links.uplink ?? 0 },
      ...{ flags: numbers.config_flag.CONFIG_EVENTS, epoch, report_ms: 0 },
    });
  };
  const compareAll = (): void => {
    addEvents(told, datapath);
    assert.deepEqual(sorted(difference(before, datapath.counters())), sorted(model.counted), 'counters');
    assert.deepEqual(sorted(told), sorted(model.told), 'events');
  };

  const conversations = random.some(60, () => randomConversation(random));
  changePolicies();
  for (let count = 0; count < packets; count++) {
    if (random.below(500) === 0) changePolicies();
    if (random.below(100) === 0) expireOne(random, datapath, model);
    const sent = randomFrame(random, conversations);
    if (!isRunnable(sent.frame)) continue;
    const arrival = arriving(random, sent, pods, links);
    const context = {
      ifindex: arrival.link,
      ingressIfindex: arrival.from === 'stack' && arrival.cameByUplink ? (links.uplink ?? 0) : 0,
    };
    const expected = model.take(arrival);
    const run = datapath.run(hooks[arrival.from], arrival.frame, context);
    if (performance.now() - began > longestEpisodeMs) return false;
    fuzzed.packets += isCareful ? 0 : 1;
    const name = `${arrival.from}/${run.verdict}`;
    fuzzed.seen.set(name, (fuzzed.seen.get(name) ?? 0) + 1);
    try {
      if (run.verdict !== expected.verdict) assert.equal(run.verdict, expected.verdict, 'verdict');
      if (Buffer.compare(run.frame, expected.frame) !== 0)
        assert.deepEqual(hex(run.frame), hex(expected.frame), 'frame');
      if (isCareful) compareAll();
    } catch (error) {
      (error as Error).message += `\nseed ${seed}, packet ${count}: ${hex(arrival.frame)} ${describe(arrival, sent)}`;
      throw error;
    }
  }
  try {
    compareAll();
    compareConnections(datapath, model);
  } catch (error) {
    (error as Error).message += `\nseed ${seed}`;
    throw error;
  }
  return true;
}

/** Where a packet would come in between those two; now and then elsewhere. */
function arriving(
  random: Chance,
  { frame, source, destination }: Sent,
  pods: readonly ModelPod[],
  links: Links,
): Arrival {
  const linkOf = (address: string): number | undefined =>
    pods.find((pod) => pod.addresses.includes(hexOf(address)))?.link;
  const isWrong = random.below(40) === 0;
  const wrong = random.of(pods).link;
  const from = isWrong
    ? random.of(['pod', 'stack', 'network'] as const)
    : usualWay(random, linkOf(source), linkOf(destination));
  if (from === 'network') return { frame, from, link: links.uplink ?? 0, cameByUplink: true };
  if (from === 'pod')
    return { frame, from, link: (isWrong ? undefined : linkOf(source)) ?? wrong, cameByUplink: false };
  const cameByUplink = random.below(3) === 0;
  return { frame, from, link: (isWrong ? undefined : linkOf(destination)) ?? wrong, cameByUplink };
}

function usualWay(random: Chance, source: number | undefined, destination: number | undefined): Arrival['from'] {
  if (source !== undefined) return random.below(12) === 0 && destination !== undefined ? 'network' : 'pod';
  return random.below(3) === 0 ? 'stack' : 'network';
}

/** The kernel runs no program on a frame that has not all of its IP header. */
function isRunnable(frame: Uint8Array): boolean {
  const etherType = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
  return frame.length >= 14 + (etherType === 0x0800 ? 20 : etherType === 0x86dd ? 40 : 1);
}

function expireOne(random: Chance, datapath: Datapath, model: Model): void {
  const all = [...model.connections.values()];
  if (all.length === 0) return;
  const connection = random.of(all);
  connection.isExpired = true;
  datapath.expireConnection(keyOf(connection));
}

function keyOf(connection: ModelConnection): Struct<'ct_key'> {
  const { local, remote, localPort, remotePort, protocol, icmpType } = connection;
  return {
    ...{ local: text(local), remote: text(remote), local_port: localPort, remote_port: remotePort },
    ...{ protocol, icmp_type: icmpType, pad: 0 },
  };
}

function compareConnections(datapath: Datapath, model: Model): void {
  const { CT_REPLIED, CT_CLOSED_INGRESS, CT_CLOSED_EGRESS, CT_REVOKED, CT_LOCAL } = numbers.ct_flag;
  const found = new Map(
    datapath.connections().map(({ key, value }): [string, unknown] => [
      JSON.stringify(key),
      {
        ...{ opened: value.opened, flags: value.flags & ~CT_LOCAL, port: value.port },
        ...{ packets: value.packets, bytes: value.bytes },
      },
    ]),
  );
  const expected = new Map(
    [...model.connections.values()].map((connection): [string, unknown] => {
      const { opened, port, packets, bytes, closedBy, isReplied, isRevoked } = connection;
      const closed =
        (closedBy.has('INGRESS') ? CT_CLOSED_INGRESS : 0) | (closedBy.has('EGRESS') ? CT_CLOSED_EGRESS : 0);
      const flags = (isReplied ? CT_REPLIED : 0) | (isRevoked ? CT_REVOKED : 0) | closed;
      return [
        JSON.stringify(keyOf(connection)),
        {
          ...{ opened: numbers.direction[opened], flags, port },
          ...{ packets: [packets.INGRESS, packets.EGRESS], bytes: [bytes.INGRESS, bytes.EGRESS] },
        },
      ];
    }),
  );
  assert.deepEqual(sorted(found), sorted(expected), 'connections');
}

function addEvents(told: Map<string, number>, datapath: Datapath): void {
  const names = new Map<number, string>(Object.entries(numbers.drop_reason).map(([name, value]) => [value, name]));
  for (const { type, reason, direction, endpoint } of datapath.events()) {
    const name = `${type}/${names.get(reason)}/${direction}/${endpoint}`;
    told.set(name, (told.get(name) ?? 0) + 1);
  }
}

function difference(before: Counters, now: Counters): Counters {
  return new Map(
    [...now].flatMap(([name, { packets, bytes }]) => {
      const old = before.get(name) ?? { packets: 0, bytes: 0 };
      return packets > old.packets ? [[name, { packets: packets - old.packets, bytes: bytes - old.bytes }]] : [];
    }),
  );
}

function sorted<T>(map: ReadonlyMap<string, T>): Record<string, T> {
  return Object.fromEntries([...map].sort(([one], [other]) => (one < other ? -1 : 1)));
}

function describe({ from, link, cameByUplink }: Arrival, { source, destination }: Sent): string {
  return `from ${from} at link ${link}${cameByUplink ? ', by the uplink' : ''}: ${source} to ${destination}`;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function text(address: string): string {
  return formatAddress(Buffer.from(address, 'hex'));
}
