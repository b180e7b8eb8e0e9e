import { isIPv4, isIPv6 } from 'node:net';
import { LabError } from '../../../clusters/error.ts';

/**
 * The text of the 16 bytes at `offset`: `a.b.c.d` for what is ::ffff:a.b.c.d there, otherwise IPv6 in the form of
 * RFC 5952 (lower case, the first of the longest runs of zeros left out).
 */
export function formatAddress(bytes: Uint8Array, offset = 0): string {
  return isMapped(bytes, offset) ? formatV4(bytes, offset + 12) : formatV6(bytes, offset);
}

/**
 * The 16 bytes of an address of either family, in network order; `a.b.c.d` and `::ffff:a.b.c.d` are the same.
 * @throws LabError LAB_ADDRESS_INVALID for everything else, addresses with a zone (`fe80::1%eth0`) included.
 */
export function parseAddress(text: string): Uint8Array {
  const bytes = new Uint8Array(16);
  if (isIPv4(text)) {
    bytes.set([0xff, 0xff, ...parseV4(text)], 10);
    return bytes;
  }
  if (!isIPv6(text) || text.includes('%')) {
    throw new LabError('LAB_ADDRESS_INVALID', { message: `"${text}" is neither an IPv4 nor an IPv6 address` });
  }
  const [head = '', tail = ''] = text.split('::');
  const before = parseGroups(head);
  const after = parseGroups(tail);
  bytes.set(before);
  bytes.set(after, bytes.length - after.length);
  return bytes;
}

export type Family = 4 | 6;

/** Null for what is no address; one with a zone is none. */
export function familyOf(text: string): Family | null {
  if (isIPv4(text)) return 4;
  return isIPv6(text) && !text.includes('%') ? 6 : null;
}

/** The bytes that an address has in packets of its family: 4 or 16. @throws LabError as {@link parseAddress} does. */
export function wireAddress(text: string): Uint8Array {
  const bytes = parseAddress(text);
  return isIPv4(text) ? bytes.subarray(12) : bytes;
}

/** The address as a number, the first byte being the most significant. @throws LabError as {@link parseAddress} does. */
export function addressNumber(text: string): bigint {
  return BigInt(`0x${Buffer.from(wireAddress(text)).toString('hex')}`);
}

/** The text of a number: IPv6 as such, also where an IPv4 address is mapped into it. */
export function numberAddress(number: bigint, family: Family): string {
  const bytes = Buffer.from(number.toString(16).padStart(family === 4 ? 8 : 32, '0'), 'hex');
  return family === 4 ? formatV4(bytes, 0) : formatV6(bytes, 0);
}

function isMapped(bytes: Uint8Array, offset: number): boolean {
  if (bytes[offset + 10] !== 0xff || bytes[offset + 11] !== 0xff) return false;
  for (let i = offset; i < offset + 10; i++) if (bytes[i] !== 0) return false;
  return true;
}

function formatV4(bytes: Uint8Array, offset: number): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

function formatV6(bytes: Uint8Array, offset: number): string {
  const { start, end } = longestZeros(bytes, offset);
  let text = '';
  for (let group = 0; group < 8; group++) {
    if (group === start) {
      text += '::';
      group = end - 1;
      continue;
    }
    if (group > 0 && group !== end) text += ':';
    text += groupAt(bytes, offset, group).toString(16);
  }
  return text;
}

/** The groups to leave out, `end` exclusive; -1 where there are no two zeros in a row. */
function longestZeros(bytes: Uint8Array, offset: number): { start: number; end: number } {
  let longest = { start: -1, end: -1 };
  let start = 0;
  for (let group = 0; group < 8; group++) {
    if (groupAt(bytes, offset, group) !== 0) start = group + 1;
    else if (group > start && group + 1 - start > longest.end - longest.start) longest = { start, end: group + 1 };
  }
  return longest;
}

function groupAt(bytes: Uint8Array, offset: number, group: number): number {
  const high = bytes[offset + 2 * group] ?? 0;
  const low = bytes[offset + 2 * group + 1] ?? 0;
  return (high << 8) | low;
}

function parseV4(text: string): number[] {
  return text.split('.').map(Number);
}

function parseGroups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return parseV4(group);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
