import type { TcpFlag } from '../../../datapath/sidecarless/abi/tcp-flags.ts';
import type { Chance } from '../../../datapath/sidecarless/tests/random-policies.ts';
import { ports } from '../../../datapath/sidecarless/tests/random-policies.ts';
import { arpFrame, ethernet, etherTypes, ipFrame, quote } from './frame.ts';
import { addresses, node } from './fuzz-world.ts';
import type { Extension, Fragment, IpPacket } from './ip-packet.ts';
import { echo, type Payload } from './transport.ts';

/** Two who talk, at least one of them a pod of the node, by one protocol and from ports that they keep. */
export type Conversation = {
  family: 'v4' | 'v6';
  ends: readonly [string, string];
  kind: 'tcp' | 'udp' | 'sctp' | 'icmp';
  ports: readonly [number, number];
};

/** A frame, and between whom it claims to go; the one who sends it may be another. */
export type Sent = { frame: Uint8Array; source: string; destination: string };

const flagSets: readonly (readonly TcpFlag[])[] = [
  ['SYN'],
  ['SYN'],
  ['SYN', 'ACK'],
  ['ACK'],
  ['ACK'],
  ['ACK', 'PSH'],
  ['FIN', 'ACK'],
  ['RST'],
  ['RST', 'ACK'],
  [],
  ['SYN', 'FIN'],
  ['SYN', 'RST'],
];
const extensionNumbers = [0, 43, 60, 60, 51, 135];
const foreignProtocols = [2, 4, 47, 50, 59, 136];

export function randomConversation(random: Chance): Conversation {
  const family = random.of(['v4', 'v6'] as const);
  const { local, others, outside } = addresses[family];
  const ends = [random.of(local), random.of(random.of([local, others, outside]))] as const;
  const edge = random.of(ports);
  const far = Math.min(65535, edge + random.below(2));
  return {
    family,
    ends: random.below(2) === 0 ? ends : [ends[1], ends[0]],
    kind: random.of(['tcp', 'tcp', 'udp', 'sctp', 'icmp'] as const),
    ports: [40000 + random.below(2), far],
  };
}

/** One packet of a conversation, from either end, often with something odd about it, now and then with much. */
export function randomFrame(random: Chance, conversations: readonly Conversation[]): Sent {
  const oddity = random.below(100);
  const conversation = random.of(conversations);
  if (oddity === 0) return random.below(2) === 0 ? arp() : noise(random);
  const packet = random.below(8) === 0 ? errorAbout(random, conversation) : packetOf(random, conversation);
  if (oddity < 4) packet.source = someone(random, conversation.family);
  if (oddity < 6 && packet.source.includes('.') === packet.destination.includes('.')) dress(random, packet);
  else if (oddity < 25) dress(random, packet);
  const tags = oddity === 26 ? [{ etherType: random.of([0x8100, 0x88a8, 0x9100]), id: 5 }] : [];
  const frame = ipFrame(packet, { tags });
  return { frame: damage(random, frame), source: packet.source, destination: packet.destination };
}

function packetOf(random: Chance, { family, ends, kind, ports }: Conversation): IpPacket {
  const isBack = random.below(2) === 1;
  const [source, destination] = isBack ? [ends[1], ends[0]] : ends;
  const [sourcePort, destinationPort] = isBack ? [ports[1], ports[0]] : ports;
  return { source, destination, payload: payloadOf(random, { family, kind, sourcePort, destinationPort, isBack }) };
}

type Said = {
  family: 'v4' | 'v6';
  kind: Conversation['kind'];
  sourcePort: number;
  destinationPort: number;
  isBack: boolean;
};

function payloadOf(random: Chance, { family, kind, sourcePort, destinationPort, isBack }: Said): Payload {
  const data = new Uint8Array(random.of([0, 0, 1, 40]));
  if (kind === 'tcp') return { kind, sourcePort, destinationPort, flags: random.of(flagSets), data };
  if (kind !== 'icmp') return { kind, sourcePort, destinationPort, data };
  const identifier = isBack ? sourcePort : destinationPort;
  const [request, reply] = family === 'v4' ? [8, 0] : [128, 129];
  const usual = isBack ? reply : request;
  const type = random.of([usual, usual, usual, request, reply, random.below(256)]);
  return { kind, type, code: random.below(3), rest: echo(identifier), data };
}

/** An ICMP error about a packet of the conversation, mostly to who sent it. */
function errorAbout(random: Chance, conversation: Conversation): IpPacket {
  const about = packetOf(random, conversation);
  if (random.below(4) === 0) dress(random, about);
  const types = conversation.family === 'v4' ? [3, 11, 12] : [1, 2, 3, 4];
  const data = quote(ipFrame(about), random.of([8, 8, 8, 28, 7, 0, -4, 1000]));
  const payload: Payload = { kind: 'icmp', type: random.of(types), code: random.below(5), data };
  const source = random.below(3) === 0 ? someone(random, conversation.family) : about.destination;
  return { source, destination: random.below(8) === 0 ? someone(random, conversation.family) : about.source, payload };
}

/** What hosts may do and seldom do: options, extension headers, fragments, few hops left, foreign protocols. */
function dress(random: Chance, packet: IpPacket): void {
  const isV4 = !packet.source.includes(':');
  if (isV4 !== !packet.destination.includes(':')) return;
  if (random.below(6) === 0) packet.ttl = random.of([0, 1, 2, 255]);
  if (random.below(12) === 0) {
    packet.payload = { kind: 'other', protocol: random.of(foreignProtocols), data: new Uint8Array(random.below(30)) };
  }
  if (random.below(3) === 0) packet.fragment = fragment(random);
  if (isV4) {
    if (random.below(2) === 0) packet.options = new Uint8Array(4 * random.below(11)).fill(1);
    if (random.below(12) === 0) packet.mapped = true;
  } else {
    if (random.below(2) === 0) packet.extensions = extensionList(random);
    if (random.below(8) === 0) packet.innerExtensions = extensionList(random);
  }
}

function fragment(random: Chance): Fragment {
  const id = random.below(3);
  const offset = random.of([0, 0, 8, 24, 1480]);
  return random.below(2) === 0 ? { id, offset } : { id, offset, length: random.of([8, 16, 24, 48]) };
}

function extensionList(random: Chance): Extension[] {
  return random.some(random.of([2, 3, 8]), () => ({
    protocol: random.of(random.below(4) === 0 ? extensionNumbers : [0, 43, 60]),
    units: 1 + random.below(3),
  }));
}

/** Cuts a frame off, pads it, or changes some of its bytes; mostly it does nothing. */
function damage(random: Chance, frame: Uint8Array): Uint8Array {
  const kind = random.below(24);
  if (kind === 0) return frame.slice(0, 14 + random.below(frame.length - 13));
  if (kind === 1) {
    const padded = new Uint8Array(frame.length + random.below(60));
    padded.set(frame);
    return padded;
  }
  if (kind > 5) return frame;
  for (let count = 1 + random.below(3); count > 0; count--) {
    const at = kind === 5 ? random.below(14) : 14 + random.below(Math.min(60, frame.length - 14));
    frame[at] = random.below(2) === 0 ? random.below(256) : (frame[at] ?? 0) ^ (1 << random.below(8));
  }
  return frame;
}

function someone(random: Chance, family: 'v4' | 'v6'): string {
  const { local, others, outside } = addresses[family];
  const groups = family === 'v4' ? ['224.0.0.1', '255.255.255.255', '0.0.0.0'] : ['ff02::1', '::'];
  return random.of(random.of([local, local, others, outside, groups]));
}

function arp(): Sent {
  const [source, destination] = [addresses.v4.local[0] ?? '', node.v4];
  return { frame: arpFrame(source, destination), source, destination };
}

function noise(random: Chance): Sent {
  const bytes = Uint8Array.from({ length: 40 + random.below(80) }, () => random.below(256));
  const [source, destination] = [addresses.v4.local[0] ?? '', node.v4];
  return {
    frame: ethernet(random.of([...Object.values(etherTypes), random.below(65536)]), bytes),
    source,
    destination,
  };
}
