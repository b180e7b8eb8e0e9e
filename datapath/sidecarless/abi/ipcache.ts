import { parseAddress } from '../address/address.ts';
import { offsetsOf } from './offsets.ts';
import { newRecord, uint32At } from './record.ts';
import { structs } from './structs.ts';

const ipcacheKeyAt = offsetsOf('ipcache_key');
const ipcacheEntryAt = offsetsOf('ipcache_entry');

/** Of an address, `prefixBits` counts as its own family does: 32 or 128 for all of it. */
export function ipcacheKey(address: string, prefixBits: number): Uint8Array {
  const { bytes, view } = newRecord(structs.ipcache_key.size);
  view.setUint32(ipcacheKeyAt.prefixlen, address.includes(':') ? prefixBits : prefixBits + 96, true);
  bytes.set(parseAddress(address), ipcacheKeyAt.addr);
  return bytes;
}

/**
 * Narrow ranges before wide ones: put in this order, and removed in the opposite one, entries never show an address as
 * what it neither was nor will be.
 */
export function narrowFirst(one: Uint8Array, other: Uint8Array): number {
  return uint32At(other, ipcacheKeyAt.prefixlen) - uint32At(one, ipcacheKeyAt.prefixlen);
}

export function ipcacheRecord(identity: number, flags: number, node: string | null): Uint8Array {
  const { bytes, view } = newRecord(structs.ipcache_entry.size);
  view.setUint32(ipcacheEntryAt.identity, identity, true);
  view.setUint32(ipcacheEntryAt.flags, flags, true);
  if (node !== null) bytes.set(parseAddress(node), ipcacheEntryAt.node);
  return bytes;
}

/** Who a record of the ipcache says is there. */
export function identityOf(record: Uint8Array): number {
  return uint32At(record, ipcacheEntryAt.identity);
}
