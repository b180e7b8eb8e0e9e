import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../../../clusters/error.ts';
import { familyOf } from './cidr.ts';
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

/** When this returns, the file survives a crash of the machine; at no time is there half of one under its name. */
export async function writeLease(directory: string, address: string, lease: Lease): Promise<void> {
  await writeSynced(join(directory, address), JSON.stringify(lease));
  await syncDirectory(directory);
}

/** Repeating is no error. */
export async function removeLease(directory: string, address: string): Promise<void> {
  await rm(join(directory, address), { force: true });
}

async function writeSynced(path: string, content: string): Promise<void> {
  const draft = `${path}${draftSuffix}`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
