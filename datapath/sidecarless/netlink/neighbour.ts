import { macBytes } from '../address/mac.ts';
import { encodeAttributes } from './attribute.ts';
import { internetAddress } from './internet-address.ts';
import type { Netlink } from './netlink.ts';
import { replaces } from './request-flags.ts';

const newNeighbour = 28;
const attribute = { address: 1, mac: 2 };
/** `NUD_PERMANENT` */
const permanent = 0x80;

/** Tells a link for good which link address a neighbour's address has: it is never asked for. */
export function setNeighbour(netlink: Netlink, link: number, address: string, mac: string): void {
  const { family, bytes } = internetAddress(address);
  // `struct ndmsg`: family, padding, link, state, flags, type.
  const header = Buffer.alloc(12);
  header.writeUInt8(family, 0);
  header.writeInt32LE(link, 4);
  header.writeUInt16LE(permanent, 8);
  const attributes = encodeAttributes([
    [attribute.address, bytes],
    [attribute.mac, macBytes(mac)],
  ]);
  const body = Buffer.concat([header, attributes]);
  netlink.request({ what: `set neighbour ${address}`, type: newNeighbour, flags: replaces, body });
}
