import { isIPv4, isIPv6 } from 'node:net';
import { LabError } from '../../../clusters/error.ts';

/** A range of addresses as numbers, both ends included. */
export type Cidr = { text: string; family: 4 | 6; first: bigint; last: bigint };

/**
 * Reads `10.244.1.0/24` or `fd00:10:244:1::/64`.
 * @throws LabError LAB_CIDR_INVALID for anything else, and where bits after the prefix are set.
 */
export function parseCidr(text: string): Cidr {
  const [address = '', length = '', ...rest] = text.split('/');
  const family = familyOf(address);
  const bits = family === 4 ? 32 : 128;
  const isLength = /^\d{1,3}$/.test(length) && Number(length) <= bits;
  if (family === null || !isLength || rest.length > 0) {
    throw new LabError('LAB_CIDR_INVALID', { message: `"${text}" is no range of addresses such as 10.244.1.0/24` });
  }
  const size = 1n << BigInt(bits - Number(length));
  const first = addressNumber(address);
  if (first % size !== 0n) {
    const start = formatAddress(first - (first % size), family);
    throw new LabError('LAB_CIDR_INVALID', {
      message: `${text} does not begin where its range does: ${start}/${length}`,
    });
  }
  return { text, family, first, last: first + size - 1n };
}

export function contains(cidr: Cidr, address: string): boolean {
  if (familyOf(address) !== cidr.family) return false;
  const number = addressNumber(address);
  return number >= cidr.first && number <= cidr.last;
}

/** 4, 6, or null for what is no address (one with a zone is none). */
export function familyOf(address: string): 4 | 6 | null {
  if (isIPv4(address)) return 4;
  return isIPv6(address) && !address.includes('%') ? 6 : null;
}

/** The address as a number, the first byte being the most significant. */
export function addressNumber(address: string): bigint {
  if (isIPv4(address)) return address.split('.').reduce((number, byte) => number * 256n + BigInt(byte), 0n);
  const dotted = /\d+\.\d+\.\d+\.\d+$/.exec(address)?.[0];
  const low = dotted === undefined ? 0n : addressNumber(dotted);
  const groups = dotted === undefined ? address : address.replace(dotted, '0:0');
  const [head = '', tail] = groups.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const zeros = tail === undefined ? [] : Array<string>(8 - head.length - tail.length).fill('0');
  const all = [...head, ...zeros, ...(tail ?? [])];
  return low + all.reduce((number, group) => number * 65536n + BigInt(`0x${group}`), 0n);
}

/** The address as the kernel writes it (RFC 5952). */
export function formatAddress(number: bigint, family: 4 | 6): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (number >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => (number >> BigInt(112 - 16 * index)) & 0xffffn);
  const text = groups.map((group) => group.toString(16)).join(':');
  const [longest] = [...text.matchAll(/\b0(:0)+\b/g)].map(([run]) => run).sort((a, b) => b.length - a.length);
  if (longest === undefined) return text;
  const at = text.search(new RegExp(`(^|:)${longest}(:|$)`));
  const [before, after] = [text.slice(0, at), text.slice(at).replace(/^:/, '').slice(longest.length)];
  return `${before}::${after.replace(/^:/, '')}`;
}
