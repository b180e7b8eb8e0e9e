import { isIPv4, isIPv6 } from 'node:net';

/** A range of addresses. `address` is its first one, as a number of 32 or 128 bits; `text` is the canonical notation. */
export type Cidr = { text: string; family: 4 | 6; address: bigint; bits: number };

/**
 * Reads `10.0.0.0/8` or `fd00::/8`; bits after the prefix are cleared. A lone address stands for itself. Null for
 * anything else, IPv4 in the notation of IPv6 (`::ffff:10.0.0.0/104`) included: its family is anyone's guess.
 */
export function parseCidr(text: string): Cidr | null {
  const [address = '', length, ...rest] = text.split('/');
  if (rest.length > 0) return null;
  const family = isIPv4(address) ? 4 : isIPv6(address) && !address.includes('%') ? 6 : null;
  if (family === null) return null;
  const width = family === 4 ? 32 : 128;
  if (length !== undefined && !/^(0|[1-9][0-9]{0,2})$/.test(length)) return null;
  const bits = length === undefined ? width : Number(length);
  if (bits > width) return null;
  const number = family === 4 ? ipv4Number(address) : ipv6Number(address);
  if (family === 6 && number >> 32n === mappedPrefix) return null;
  const free = BigInt(width - bits);
  const first = (number >> free) << free;
  return { text: `${family === 4 ? ipv4Text(first) : ipv6Text(first)}/${bits}`, family, address: first, bits };
}

/** Whether all of `inner` lies in `outer`. */
export function cidrContains(outer: Cidr, inner: Cidr): boolean {
  if (outer.family !== inner.family || outer.bits > inner.bits) return false;
  const free = BigInt((outer.family === 4 ? 32 : 128) - outer.bits);
  return outer.address >> free === inner.address >> free;
}

/** Whether an IPv6 range has all of IPv4 in it where both families share one table, as in the ipcache. */
export function coversIpv4(cidr: Cidr): boolean {
  return cidr.family === 6 && cidr.bits <= 96 && (mappedPrefix << 32n) >> BigInt(128 - cidr.bits) === topBits(cidr);
}

/** First 96 bits of `::ffff:0:0/96`. */
const mappedPrefix = 0xffffn;

function topBits({ address, bits }: Cidr): bigint {
  return address >> BigInt(128 - bits);
}

function ipv4Number(text: string): bigint {
  return text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

function ipv4Text(address: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 0xffn).join('.');
}

function ipv6Number(text: string): bigint {
  const [head = '', tail] = text.split('::');
  const left = groups(head);
  const right = groups(tail ?? '');
  const zeros = new Array<bigint>(8 - left.length - right.length).fill(0n);
  return [...left, ...zeros, ...right].reduce((sum, group) => (sum << 16n) | group, 0n);
}

function groups(text: string): bigint[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [BigInt(`0x${group}`)];
    const number = ipv4Number(group);
    return [number >> 16n, number & 0xffffn];
  });
}

function ipv6Text(address: bigint): string {
  const all = Array.from({ length: 8 }, (_, index) => ((address >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  // The notation of RFC 5952 is that of URLs.
  return new URL(`http://[${all.join(':')}]`).hostname.slice(1, -1);
}
