import { encodeAttributes } from './attribute.ts';
import { internetAddress } from './internet-address.ts';
import type { Netlink } from './netlink.ts';
import { creates } from './request-flags.ts';

const newAddress = 20;
const attribute = { address: 1, local: 2 };
const ipv6Family = 10;
/** `IFA_F_NODAD` */
const noDetection = 0x02;

/** Gives a link an address as the only one of its range. An IPv6 one is there at once: nobody is asked who has it too. */
export function addAddress(netlink: Netlink, link: number, address: string): void {
  const { family, bytes } = internetAddress(address);
  // `struct ifaddrmsg`: family, length of the prefix, flags, scope (everywhere), link.
  const header = Buffer.alloc(8);
  header.writeUInt8(family, 0);
  header.writeUInt8(bytes.length * 8, 1);
  header.writeUInt8(family === ipv6Family ? noDetection : 0, 2);
  header.writeUInt32LE(link, 4);
  const attributes = encodeAttributes([
    [attribute.local, bytes],
    [attribute.address, bytes],
  ]);
  const body = Buffer.concat([header, attributes]);
  netlink.request({ what: `add address ${address}`, type: newAddress, flags: creates, body });
}
