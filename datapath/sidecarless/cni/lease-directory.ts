import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../../../clusters/error.ts';
import { familyOf } from '../address/address.ts';
import { Lease } from './lease.ts';

const draftSuffix = '.draft';

/**
 * Reads who has which address: one file of the directory for each, named by it. What a write that was cut off left is
 * removed; other files are let alone.
 * @throws LabError LAB_LEASE_UNREADABLE for a damaged file: its address may be a running pod's.
 */
export async function readLeases(directory: string): Promise<Map<string, Lease>> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const names = await readdir(directory);
  await Promise.all(
    names.filter((name) => name.endsWith(draftSuffix)).map((name) => rm(join(directory, name), { force: true })),
  );
  const addresses = names.filter((name) => familyOf(name) !== null);
  const leases = addresses.map(async (address) => [address, await readLease(join(directory, address))] as const);
  return new Map(await Promise.all(leases));
}

async function readLease(path: string): Promise<Lease> {
  try {
    return Lease.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new LabError('LAB_LEASE_UNREADABLE', {
      message: `${path} does not say whom this address was given to: it is damaged`,
      remedy: 'If no pod of this node has the address, remove the file.',
      cause,
    });
  }
}

/**
 * When this returns, the file survives the end of this process; at no time is there half of one under its name. The
 * directory is in memory, as pods' namespaces are, and goes with them: writing takes microseconds, less than having
 * another thread do it.
 */
export function writeLease(directory: string, address: string, lease: Lease): void {
  const path = join(directory, address);
  const draft = `${path}${draftSuffix}`;
  writeFileSync(draft, JSON.stringify(lease), { mode: 0o600 });
  renameSync(draft, path);
}

/** Repeating is no error. */
export function removeLease(directory: string, address: string): void {
  rmSync(join(directory, address), { force: true });
}
