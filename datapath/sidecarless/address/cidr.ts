import { addressNumber, type Family, familyOf, numberAddress } from './address.ts';

/** A range of addresses. `first` is a number of 32 or 128 bits; `text` is the canonical notation. */
export type Cidr = { text: string; family: Family; first: bigint; bits: number };

/**
 * Reads `10.0.0.0/8` or `fd00::/8`; bits after the prefix are cleared. A lone address stands for itself. Null for
 * anything else, IPv4 in the notation of IPv6 (`::ffff:10.0.0.0/104`) included: its family is anyone's guess.
 */
export function parseCidr(text: string): Cidr | null {
  const [address = '', length, ...rest] = text.split('/');
  const family = familyOf(address);
  if (family === null || rest.length > 0) return null;
  if (length !== undefined && !/^(0|[1-9][0-9]{0,2})$/.test(length)) return null;
  const width = widthOf(family);
  const bits = length === undefined ? width : Number(length);
  if (bits > width) return null;
  const number = addressNumber(address);
  if (family === 6 && number >> 32n === mappedPrefix) return null;
  const free = BigInt(width - bits);
  const first = (number >> free) << free;
  return { text: `${numberAddress(first, family)}/${bits}`, family, first, bits };
}

export function lastOf({ family, first, bits }: Cidr): bigint {
  return first + (1n << BigInt(widthOf(family) - bits)) - 1n;
}

/** Whether all of `inner` lies in `outer`. */
export function cidrContains(outer: Cidr, inner: Cidr): boolean {
  if (outer.family !== inner.family || outer.bits > inner.bits) return false;
  const free = BigInt(widthOf(outer.family) - outer.bits);
  return outer.first >> free === inner.first >> free;
}

/** Whether an IPv6 range has all of IPv4 in it where both families share one table, as in the ipcache. */
export function coversIpv4({ family, first, bits }: Cidr): boolean {
  const free = BigInt(128 - bits);
  return family === 6 && bits <= 96 && (mappedPrefix << 32n) >> free === first >> free;
}

/** First 96 bits of `::ffff:0:0/96`. */
const mappedPrefix = 0xffffn;

function widthOf(family: Family): number {
  return family === 4 ? 32 : 128;
}
