import { type Attribute, encodeAttributes, text, u8, u32 } from './attribute.ts';
import { linkAddress } from './internet-address.ts';
import type { Netlink } from './netlink.ts';
import { creates } from './request-flags.ts';

/** One side of a pair of links. `mtu` in bytes. */
export type LinkSide = { name: string; mac: string; mtu: number };

/** What a link can be told. Without `up` it stays as it is. */
export type LinkChange = { alias?: string; up?: true };

const requestType = { set: 16, remove: 17, get: 18 };
const isUp = 1;
const ipv6Family = 10;
const attribute = { mac: 1, name: 3, mtu: 4, info: 18, alias: 20, ofFamilies: 26, namespaceFd: 28, wanted: 29 };
const infoAttribute = { kind: 1, data: 2 };
const vethPeer = 1;
const generationModeAttribute = 8;
const generatesNone = 1;
const skipStatistics = 8;

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

/** @throws NetlinkError ENODEV when there is none of that name. */
export function linkIndex(netlink: Netlink, name: string): number {
  const attributes = encodeAttributes([
    [attribute.name, text(name)],
    [attribute.wanted, u32(skipStatistics)],
  ]);
  const body = Buffer.concat([linkHeader({}), attributes]);
  const [answer] = netlink.request({ what: `look at ${name}`, type: requestType.get, flags: 0, body });
  if (answer === undefined) throw new Error(`The kernel says nothing of ${name}`);
  return Buffer.from(answer).readInt32LE(4);
}

/** Changes the link of an index. */
export function changeLink(netlink: Netlink, index: number, { alias, up }: LinkChange): void {
  const attributes: Attribute[] = alias === undefined ? [] : [[attribute.alias, text(alias)]];
  const body = Buffer.concat([linkHeader({ index, up }), encodeAttributes(attributes)]);
  netlink.request({ what: `change link ${index}`, type: requestType.set, flags: 0, body });
}

/** Has a link give itself no IPv6 address, not even a link-local one. */
export function generateNoAddresses(netlink: Netlink, index: number): void {
  const mode = encodeAttributes([[generationModeAttribute, u8(generatesNone)]]);
  const ofFamilies = encodeAttributes([[ipv6Family, mode]]);
  const body = Buffer.concat([linkHeader({ index }), encodeAttributes([[attribute.ofFamilies, ofFamilies]])]);
  netlink.request({ what: `let link ${index} generate no addresses`, type: requestType.set, flags: 0, body });
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
    [attribute.mac, linkAddress(mac)],
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
