import { macBytes } from '../address/mac.ts';
import { type Attribute, encodeAttributes, text, u8, u32 } from './attribute.ts';
import type { Netlink } from './netlink.ts';
import { creates } from './request-flags.ts';

/** One side of a pair of links. `mtu` in bytes. */
export type LinkSide = { name: string; mac: string; mtu: number };

const requestType = { set: 16, remove: 17 };
const isUp = 1;
const ipv6Family = 10;
const attribute = { mac: 1, name: 3, mtu: 4, info: 18, alias: 20, ofFamilies: 26, namespaceFd: 28 };
const infoAttribute = { kind: 1, data: 2 };
const vethPeer = 1;
const generationModeAttribute = 8;
const generatesNone = 1;

/**
 * Makes a pair of links that are down: the one side here, the other, `peer`, in the network namespace of a descriptor.
 * @throws NetlinkError EEXIST when there is one of that name, here or there.
 */
export function addVethPair(netlink: Netlink, side: LinkSide, peer: LinkSide & { namespaceFd: number }): void {
  const there = encodeAttributes([...attributesOf(peer), [attribute.namespaceFd, u32(peer.namespaceFd)]]);
  const pair = encodeAttributes([[vethPeer, Buffer.concat([linkHeader({}), there])]]);
  const info = encodeAttributes([
    [infoAttribute.kind, text('veth')],
    [infoAttribute.data, pair],
  ]);
  netlink.request({
    what: `add ${side.name} with ${peer.name}`,
    type: requestType.set,
    flags: creates,
    body: Buffer.concat([linkHeader({}), encodeAttributes([...attributesOf(side), [attribute.info, info]])]),
  });
}

/** Before a link is up: has it give itself no IPv6 address, not even a link-local one, and puts an alias to it. */
export function prepareLink(netlink: Netlink, index: number, { alias }: { alias?: string } = {}): void {
  const mode = encodeAttributes([[generationModeAttribute, u8(generatesNone)]]);
  const attributes: Attribute[] = [[attribute.ofFamilies, encodeAttributes([[ipv6Family, mode]])]];
  if (alias !== undefined) attributes.push([attribute.alias, text(alias)]);
  const body = Buffer.concat([linkHeader({ index }), encodeAttributes(attributes)]);
  netlink.request({ what: `prepare link ${index}`, type: requestType.set, flags: 0, body });
}

/** Not in one with its preparation: the kernel does this first, and the addresses would be there. */
export function bringLinkUp(netlink: Netlink, index: number): void {
  const body = linkHeader({ index, up: true });
  netlink.request({ what: `bring link ${index} up`, type: requestType.set, flags: 0, body });
}

/**
 * Removes a link, with the other side of its pair, and the addresses, routes and neighbours by it.
 * @throws NetlinkError ENODEV when there is none of that name.
 */
export async function deleteLink(netlink: Netlink, name: string): Promise<void> {
  const body = Buffer.concat([linkHeader({}), encodeAttributes([[attribute.name, text(name)]])]);
  // The kernel waits until no processor uses the link any more, some 20 ms: this thread need not.
  await netlink.requestAside({ what: `delete ${name}`, type: requestType.remove, flags: 0, body });
}

function attributesOf({ name, mac, mtu }: LinkSide): Attribute[] {
  return [
    [attribute.name, text(name)],
    [attribute.mac, macBytes(mac)],
    [attribute.mtu, u32(mtu)],
  ];
}

/** `struct ifinfomsg`: family, type, index, flags, and which of them are meant. */
function linkHeader({ index = 0, up }: { index?: number; up?: true | undefined }): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(index, 4);
  if (up) {
    header.writeUInt32LE(isUp, 8);
    header.writeUInt32LE(isUp, 12);
  }
  return header;
}
