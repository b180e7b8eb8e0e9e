import { type Attribute, encodeAttributes, u32 } from './attribute.ts';
import { internetAddress } from './internet-address.ts';
import type { Netlink } from './netlink.ts';
import { replaces } from './request-flags.ts';

const newRoute = 24;
const attribute = { destination: 1, link: 4, gateway: 5 };
const ipv4Family = 2;
const mainTable = 254;
/** `RTPROT_BOOT`, which is what ip(8) says of its own. */
const protocol = 3;
const scope = { everywhere: 0, link: 253 };
const unicast = 1;
/** `RTNH_F_ONLINK`: no other route has to lead to the gateway. */
const onLink = 4;

/** Routes an address to a link that it is on. */
export function routeToLink(netlink: Netlink, link: number, address: string): void {
  const { family, bytes } = internetAddress(address);
  const header = {
    family,
    prefixLength: bytes.length * 8,
    scope: family === ipv4Family ? scope.link : scope.everywhere,
  };
  setRoute(netlink, `route ${address}`, header, [
    [attribute.destination, bytes],
    [attribute.link, u32(link)],
  ]);
}

/** Routes all of a gateway's family to it, by a link that it is taken to be on. */
export function routeToGateway(netlink: Netlink, link: number, gateway: string): void {
  const { family, bytes } = internetAddress(gateway);
  const header = { family, prefixLength: 0, scope: scope.everywhere, flags: onLink };
  setRoute(netlink, `route all to ${gateway}`, header, [
    [attribute.gateway, bytes],
    [attribute.link, u32(link)],
  ]);
}

type RouteHeader = { family: number; prefixLength: number; scope: number; flags?: number };

/** `struct rtmsg`: family, lengths of destination and source, service, table, protocol, scope, kind, flags. */
function setRoute(netlink: Netlink, what: string, header: RouteHeader, attributes: readonly Attribute[]): void {
  const bytes = Buffer.alloc(12);
  bytes.set([header.family, header.prefixLength, 0, 0, mainTable, protocol, header.scope, unicast]);
  bytes.writeUInt32LE(header.flags ?? 0, 8);
  const body = Buffer.concat([bytes, encodeAttributes(attributes)]);
  netlink.request({ what, type: newRoute, flags: replaces, body });
}
