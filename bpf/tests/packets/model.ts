import type { Direction, Reason } from '../../../datapath/sidecarless/abi/numbers.ts';
import { protocols } from '../../../datapath/sidecarless/abi/protocols.ts';
import { tcpFlags } from '../../../datapath/sidecarless/abi/tcp-flags.ts';
import { isAnswer, isQuestion, keyOf, type ModelConnection, openedBy } from './model-connection.ts';
import { type ModelPacket, readModelFrame, readQuotation } from './model-packet.ts';
import { verdicts } from './run.ts';

/** A local pod: its addresses as {@link ModelPacket} has them, and the link that it is behind. */
export type ModelPod = {
  name: string;
  addresses: readonly string[];
  endpoint: number;
  link: number;
  mac: readonly number[];
  nodeMac: readonly number[];
};

/** What policy says of a connection that is opened now. `isAsked`: whether there is any policy for that direction. */
export type Judge = (
  pod: ModelPod,
  direction: Direction,
  peer: string,
  protocol: number,
  port: number,
) => { reason: Reason; isAsked: boolean };

export type ModelWorld = {
  pods: readonly ModelPod[];
  /** The node's own addresses. */
  node: readonly string[];
  uplinkMtuBytes: number;
};

/** A frame on its way: from the pod behind `link`, from the stack to the pod behind `link`, or from the network. */
export type Arrival = { frame: Uint8Array; from: 'pod' | 'stack' | 'network'; link: number; cameByUplink: boolean };

/** What the datapath does with one frame: its verdict, and how the frame goes on. */
export type Expected = { verdict: number; frame: Uint8Array };

/** A datapath in plain words: rules are asked, connections are remembered. It masquerades nothing. */
export type Model = {
  take(arrival: Arrival): Expected;
  /** Replaces the policy, and lets it be asked again about every connection. */
  setPolicy(judge: Judge): void;
  connections: ReadonlyMap<string, ModelConnection>;
  /** Packets and bytes by `<reason>/<direction>`. */
  counted: ReadonlyMap<string, { packets: number; bytes: number }>;
  /** Events by `<type>/<reason>/<direction>/<endpoint>`. */
  told: ReadonlyMap<string, number>;
};

type Passage = { pod: ModelPod; direction: Direction; bytes: number; cameByUplink: boolean };

const opposite = { INGRESS: 'EGRESS', EGRESS: 'INGRESS' } as const;
const { FIN: fin, RST: rst } = tcpFlags;

export function createModel(world: ModelWorld): Model {
  const pods = new Map(world.pods.flatMap((pod) => pod.addresses.map((address) => [address, pod] as const)));
  const isLocal = (address: string): boolean => pods.has(address) || world.node.includes(address);
  const connections = new Map<string, ModelConnection>();
  const fragments = new Map<string, Pick<ModelPacket, 'protocol' | 'ports'>>();
  const counted = new Map<string, { packets: number; bytes: number }>();
  const told = new Map<string, number>();
  let judge: Judge = () => ({ reason: 'FORWARDED', isAsked: false });
  let epoch = 0;

  const count = (reason: Reason, direction: Direction, bytes: number): void => {
    const counter = counted.get(`${reason}/${direction}`) ?? { packets: 0, bytes: 0 };
    counted.set(`${reason}/${direction}`, { packets: counter.packets + 1, bytes: counter.bytes + bytes });
  };
  const tell = (
    type: string,
    reason: Reason,
    { pod, direction }: { pod: Pick<ModelPod, 'endpoint'>; direction: Direction },
  ): void => {
    const name = `${type}/${reason}/${direction}/${pod.endpoint}`;
    told.set(name, (told.get(name) ?? 0) + 1);
  };

  type Known = Pick<ModelPacket, 'source' | 'destination' | 'protocol'>;
  // IPv4's numbers are two bytes, of which each protocol has its own; IPv6's are four.
  const fragmentKey = ({ source, destination, protocol }: Known, id: string): string =>
    `${source} ${destination} ${id.length === 4 ? protocol : ''} ${id}`;
  const firstFragment = (packet: Known, id: string) => fragments.get(fragmentKey(packet, id));
  const noteFragment = (packet: ModelPacket): void => {
    if (packet.fragment?.part !== 'first' || (packet.icmpType !== null && packet.kind !== 'echo')) return;
    const { protocol, ports } = packet;
    fragments.set(fragmentKey(packet, packet.fragment.id), { protocol, ports });
  };

  /** Whether a packet may pass a pod's border; all is noted and told that there is to it. */
  const pass = (packet: ModelPacket, passage: Passage): Reason => {
    const { pod, direction } = passage;
    const other = direction === 'EGRESS' ? packet.destination : packet.source;
    if (passage.cameByUplink && isLocal(other)) return 'DROP_INVALID_SOURCE_IP';
    if (packet.kind === 'error') return passError(packet, passage);
    const known = connections.get(keyOf(packet, direction));
    const isAlive = known !== undefined && !known.isExpired;
    const isOver = isAlive && (known.opened !== direction || known.closedBy.size > 0 || known.isRevoked);
    if (!isAlive || (isQuestion(packet) && isOver)) {
      if (isAnswer(packet)) return 'DROP_UNKNOWN_CT';
      const opened = openedBy(packet, direction, epoch);
      const { reason, isAsked } = judge(pod, direction, other, packet.protocol, opened.port);
      if (isAsked) tell('policy-verdict', reason, passage);
      if (reason !== 'FORWARDED') return reason;
      connections.set(opened.key, opened);
      note(opened, packet, passage);
      return reason;
    }
    const reason = review(known, pod);
    if (reason === 'FORWARDED') note(known, packet, passage);
    return reason;
  };

  const passError = (packet: ModelPacket, { pod, direction, cameByUplink }: Passage): Reason => {
    const version = packet.protocol === protocols.ICMP ? 4 : 6;
    const about = readQuotation(packet.quotation ?? new Uint8Array(0), version, firstFragment);
    if (about === null) return 'DROP_INVALID';
    const isTold =
      packet.destination === about.source && (direction === 'INGRESS' || packet.source === about.destination);
    const known = connections.get(keyOf(about, opposite[direction]));
    if (!isTold || known === undefined || known.isExpired) return 'DROP_UNKNOWN_CT';
    if (review(known, pod) !== 'FORWARDED') return 'DROP_UNKNOWN_CT';
    return cameByUplink && isLocal(known.remote) ? 'DROP_INVALID_SOURCE_IP' : 'FORWARDED';
  };

  const review = (known: ModelConnection, pod: ModelPod): Reason => {
    if (known.epoch === epoch && !known.isRevoked) return 'FORWARDED';
    const { reason } = judge(pod, known.opened, known.remote, known.protocol, known.port);
    known.isRevoked = reason !== 'FORWARDED';
    if (!known.isRevoked) known.epoch = epoch;
    return reason;
  };

  const note = (known: ModelConnection, packet: ModelPacket, passage: Passage): void => {
    const { direction, bytes } = passage;
    const wasReplied = known.isReplied;
    known.packets[direction] += 1;
    known.bytes[direction] += bytes;
    if (direction !== known.opened) known.isReplied = true;
    if (packet.tcpFlags & rst && !wasReplied) known.closedBy = new Set(['INGRESS', 'EGRESS']);
    else if (packet.tcpFlags & (fin | rst)) known.closedBy.add(direction);
    tell('flow', 'FORWARDED', passage);
  };

  const decide = (arrival: Arrival): { verdict: number; to?: ModelPod | null } => {
    const { frame, from, link, cameByUplink } = arrival;
    const side: Direction = from === 'pod' ? 'EGRESS' : 'INGRESS';
    const isNetwork = from === 'network';
    const drop = (reason: Reason, direction = side) => {
      count(reason, direction, frame.length);
      return { verdict: verdicts.drop };
    };
    const passThrough = { verdict: verdicts.ok };
    const etherType = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
    if (!isNetwork && (etherType === 0x8100 || etherType === 0x88a8)) return drop('DROP_VLAN');
    if (etherType === 0x0806) return passThrough;
    const { packet, reason, source, destination } = readModelFrame(frame, firstFragment);
    if (isNetwork && packet === null) return passThrough;

    const enter = (pod: ModelPod, whole: ModelPacket): Reason => {
      const passage: Passage = { pod, direction: 'INGRESS', bytes: frame.length, cameByUplink };
      const result = pass(whole, passage);
      count(result, 'INGRESS', frame.length);
      if (result !== 'FORWARDED') tell('drop', result, passage);
      return result;
    };

    if (from !== 'pod') {
      const pod = pods.get(destination ?? '');
      if (!isNetwork && pod?.link !== link) return drop(reason ?? 'DROP_ENDPOINT_NOT_READY');
      if (packet !== null && !(cameByUplink && isLocal(packet.source))) noteFragment(packet);
      if (pod === undefined) return passThrough;
      if (packet === null) {
        tell('drop', reason, { pod, direction: side });
        return drop(reason);
      }
      if (enter(pod, packet) !== 'FORWARDED') return { verdict: verdicts.drop };
      return isNetwork && packet.hops > 1 ? { verdict: verdicts.redirect, to: pod } : passThrough;
    }

    if (source === null || /^0+$/.test(source)) return drop(reason ?? 'DROP_INVALID_SOURCE_IP');
    const pod = pods.get(source);
    if (pod?.link !== link) {
      tell('drop', 'DROP_INVALID_SOURCE_IP', { pod: { endpoint: 0 }, direction: side });
      return drop('DROP_INVALID_SOURCE_IP');
    }
    const passage: Passage = { pod, direction: side, bytes: frame.length, cameByUplink: false };
    const dropSeen = (why: Reason) => {
      tell('drop', why, passage);
      return drop(why);
    };
    if (packet === null) return dropSeen(reason);
    if (isGroup(packet.destination)) return drop('DROP_GROUP');
    noteFragment(packet);
    const result = pass(packet, passage);
    if (result !== 'FORWARDED') return dropSeen(result);
    count(result, side, frame.length);
    const neighbour = pods.get(packet.destination);
    if (neighbour !== undefined) {
      if (enter(neighbour, packet) !== 'FORWARDED') return { verdict: verdicts.drop };
      return packet.hops > 1 ? { verdict: verdicts.redirect, to: neighbour } : passThrough;
    }
    const isRefused = isLocal(packet.destination) || packet.hops <= 1 || frame.length - 14 > world.uplinkMtuBytes;
    return isRefused ? passThrough : { verdict: verdicts.redirect, to: null };
  };

  return {
    take(arrival) {
      const { verdict, to } = decide(arrival);
      return { verdict, frame: to === undefined ? arrival.frame : hopped(arrival.frame, to) };
    },
    setPolicy(next) {
      judge = next;
      epoch += 1;
    },
    connections,
    counted,
    told,
  };
}

function isGroup(address: string): boolean {
  return /^0{20}ffff(e|f{8}$)/.test(address) || address.startsWith('ff');
}

/** A frame as a router sends it on: to a pod, or where the neighbour is still to be resolved, with the addresses it has. */
function hopped(frame: Uint8Array, to: ModelPod | null): Uint8Array {
  const copy = Uint8Array.from(frame);
  if (to !== null) copy.set([...to.mac, ...to.nodeMac]);
  const isV4 = frame[12] === 0x08;
  const at = isV4 ? 22 : 21;
  copy[at] = (copy[at] ?? 0) - 1;
  if (!isV4) return copy;
  // RFC 1624, equation 3, for a header word that is 0x0100 less.
  const [was, is] = [(frame[at] ?? 0) << 8, (copy[at] ?? 0) << 8];
  const checksum = ((frame[24] ?? 0) << 8) | (frame[25] ?? 0);
  const sum = ~add(add(~checksum & 0xffff, ~was & 0xffff), is) & 0xffff;
  copy.set([sum >> 8, sum & 255], 24);
  return copy;
}

function add(one: number, other: number): number {
  const sum = one + other;
  return (sum & 0xffff) + (sum >> 16);
}
