import { isIPv6 } from 'node:net';
import { LabError } from '../../../clusters/error.ts';
import { type AddressCursor, capacityOf, openCursor } from './address-cursor.ts';
import { type Lease, type Owner, ownerKey, type PodAddresses } from './lease.ts';
import { readLeases, removeLease, writeLease } from './lease-directory.ts';
import { isInRange, podRange } from './pod-range.ts';

/** The node's pod addresses. */
export type Ipam = {
  /**
   * Gives the owner an address of each range, in the order of ranges; those that it has already, if any. They are on
   * disk when this returns.
   * @throws LabError LAB_POD_ADDRESSES_EXHAUSTED, and then nothing has been given.
   */
  allocate(lease: Lease): readonly string[];
  /** Frees all addresses of the owner. Repeating is no error. */
  release(owner: Owner): void;
  find(owner: Owner): PodAddresses | null;
  all(): readonly PodAddresses[];
};

/**
 * Opens the state in `directory`, which no other process may use at the same time. Addresses that were given from
 * earlier ranges stay with their owners.
 * @param cidrs the node's pod CIDRs, one of a family.
 * @throws LabError LAB_CIDR_INVALID, LAB_LEASE_UNREADABLE.
 */
export async function openIpam({ directory, cidrs }: { directory: string; cidrs: readonly string[] }): Promise<Ipam> {
  const ranges = cidrs.map(podRange);
  const taken = await readLeases(directory);
  const owners = groupByOwner(taken);
  const cursors = await Promise.all(ranges.map((range) => openCursor(directory, range)));

  const give = (lease: Lease, addresses: readonly string[]): void => {
    const fresh = addresses.filter((address) => !taken.has(address));
    try {
      for (const address of fresh) writeLease(directory, address, lease);
    } catch (error) {
      for (const address of fresh) removeLease(directory, address);
      throw error;
    }
    for (const address of fresh) taken.set(address, lease);
  };

  return {
    allocate(lease) {
      if (cursors.length === 0) {
        throw new LabError('LAB_POD_ADDRESSES_NONE', {
          message: 'This node had no pod CIDR when its agent started, so that its pods can have no addresses',
          remedy: 'Have the cluster give nodes pod CIDRs (spec.podCIDRs), and restart the agent.',
        });
      }
      const held = owners.get(ownerKey(lease)) ?? { ...lease, addresses: [] };
      const addresses = cursors.map(
        (cursor) => held.addresses.find((address) => isInRange(cursor.cidr, address)) ?? nextOf(cursor, taken),
      );
      give(lease, addresses);
      owners.set(ownerKey(lease), { ...held, addresses: [...new Set([...addresses, ...held.addresses])] });
      for (const cursor of cursors) cursor.save();
      return addresses;
    },
    release(owner) {
      const held = owners.get(ownerKey(owner));
      if (held === undefined) return;
      for (const address of held.addresses) removeLease(directory, address);
      owners.delete(ownerKey(owner));
      for (const address of held.addresses) taken.delete(address);
    },
    find: (owner) => owners.get(ownerKey(owner)) ?? null,
    all: () => [...owners.values()],
  };
}

function nextOf(cursor: AddressCursor, taken: ReadonlyMap<string, Lease>): string {
  const address = cursor.next((candidate) => taken.has(candidate));
  if (address !== null) return address;
  throw new LabError('LAB_POD_ADDRESSES_EXHAUSTED', {
    message: `All ${capacityOf(cursor.cidr)} pod addresses of this node's ${cursor.cidr.text} are in use`,
    remedy: 'Delete pods of this node, or give nodes larger pod CIDRs.',
  });
}

function groupByOwner(leases: ReadonlyMap<string, Lease>): Map<string, PodAddresses> {
  const owners = new Map<string, PodAddresses>();
  for (const [address, lease] of leases) {
    const key = ownerKey(lease);
    const addresses = [...(owners.get(key)?.addresses ?? []), address];
    owners.set(key, { ...lease, addresses: addresses.sort((a, b) => Number(isIPv6(a)) - Number(isIPv6(b))) });
  }
  return owners;
}
