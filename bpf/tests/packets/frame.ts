import { wireAddress } from '../../../datapath/sidecarless/address/address.ts';
import { macBytes } from '../../../datapath/sidecarless/address/mac.ts';
import { buildIp, type IpPacket } from './ip-packet.ts';

export const etherTypes = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd, vlan: 0x8100, serviceVlan: 0x88a8 } as const;

/** How frames go over the wire: `aa:bb:cc:dd:ee:ff` to and from, and tags from the outermost inwards. */
export type Link = { to?: string; from?: string; tags?: readonly { etherType: number; id: number }[] };

/** A frame with an IP packet in it. */
export function ipFrame(packet: IpPacket, link: Link = {}): Uint8Array {
  const bytes = buildIp(packet);
  return ethernet((bytes[0] ?? 0) >> 4 === 4 ? etherTypes.ipv4 : etherTypes.ipv6, bytes, link);
}

/** An ARP request (RFC 826) of one IPv4 address, by another. */
export function arpFrame(sender: string, target: string, link: Link = {}): Uint8Array {
  const bytes = Uint8Array.of(
    0,
    1,
    8,
    0,
    6,
    4,
    0,
    1,
    ...mac(link.from),
    ...wireAddress(sender),
    ...mac(),
    ...wireAddress(target),
  );
  return ethernet(etherTypes.arp, bytes, { to: 'ff:ff:ff:ff:ff:ff', ...link });
}

/** A frame with anything in it. */
export function ethernet(etherType: number, payload: Uint8Array, { to, from, tags = [] }: Link = {}): Uint8Array {
  const types = [...tags.map((tag) => tag.etherType), etherType];
  const link = [...mac(to), ...mac(from), ...word(types[0] ?? etherType)];
  const inner = tags.flatMap(({ id }, index) => [...word(id), ...word(types[index + 1] ?? etherType)]);
  const frame = new Uint8Array(link.length + inner.length + payload.length);
  frame.set([...link, ...inner]);
  frame.set(payload, link.length + inner.length);
  return frame;
}

/** What an ICMP error quotes of a frame: its IP header, and so many bytes behind it. */
export function quote(frame: Uint8Array, bytes = 8): Uint8Array {
  const isV4 = (frame[14] ?? 0) >> 4 === 4;
  return frame.slice(14, 14 + (isV4 ? ((frame[14] ?? 0) & 15) * 4 : 40) + bytes);
}

/** A copy of a frame with some of its bytes replaced. */
export function patched(frame: Uint8Array, offset: number, ...bytes: readonly number[]): Uint8Array {
  const copy = Uint8Array.from(frame);
  copy.set(bytes, offset);
  return copy;
}

export function mac(text = '02:00:00:00:00:01'): number[] {
  return [...macBytes(text)];
}

function word(value: number): [number, number] {
  return [value >> 8, value & 0xff];
}
