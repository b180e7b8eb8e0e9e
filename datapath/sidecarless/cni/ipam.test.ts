import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openIpam } from './ipam.ts';
import type { Lease } from './lease.ts';

const cidrs = ['10.244.1.0/24'];
const dual = ['10.244.1.0/24', 'fd00:10:244:1::/64'];

function lease(containerId: string): Lease {
  return {
    containerId,
    ifname: 'eth0',
    netns: `/run/netns/${containerId}`,
    pod: { namespace: 'n', name: containerId, uid: 'u' },
  };
}

async function stateDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'lab-ipam-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

/** The files that hold addresses. */
async function held(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => !name.startsWith('last-')).sort();
}

test('addresses go round, and the one freed last is not the next', async (t) => {
  const directory = await stateDirectory(t);
  const ipam = await openIpam({ directory, cidrs });
  assert.deepEqual(ipam.allocate(lease('a')), ['10.244.1.2']);
  assert.deepEqual(ipam.allocate(lease('b')), ['10.244.1.3']);
  ipam.release(lease('b'));
  assert.deepEqual(ipam.allocate(lease('c')), ['10.244.1.4']);
  ipam.release(lease('c'));
  const restarted = await openIpam({ directory, cidrs });
  assert.deepEqual(restarted.allocate(lease('d')), ['10.244.1.5']);
});

test('an owner keeps its address, and giving it back twice is no error', async (t) => {
  const directory = await stateDirectory(t);
  const ipam = await openIpam({ directory, cidrs: dual });
  const first = ipam.allocate(lease('a'));
  assert.deepEqual(first, ['10.244.1.2', 'fd00:10:244:1::2']);
  assert.deepEqual(ipam.allocate(lease('a')), first);
  assert.deepEqual(ipam.allocate({ ...lease('a'), ifname: 'eth1' }), ['10.244.1.3', 'fd00:10:244:1::3']);
  ipam.release(lease('a'));
  ipam.release(lease('a'));
  assert.equal(ipam.find(lease('a')), null);
  assert.deepEqual(await held(directory), ['10.244.1.3', 'fd00:10:244:1::3']);
});

test('a whole range is given once, without its ends and the gateway; then it is exhausted, and recovers', async (t) => {
  const directory = await stateDirectory(t);
  const ipam = await openIpam({ directory, cidrs });
  const pods = Array.from({ length: 253 }, (_, index) => lease(`pod-${index}`));
  const given = pods.flatMap((pod) => ipam.allocate(pod));
  assert.equal(new Set(given).size, 253);
  for (const reserved of ['10.244.1.0', '10.244.1.1', '10.244.1.255']) assert.ok(!given.includes(reserved));
  assert.throws(() => ipam.allocate(lease('late')), {
    code: 'LAB_POD_ADDRESSES_EXHAUSTED',
    message: "All 253 pod addresses of this node's 10.244.1.0/24 are in use",
  });
  assert.equal((await held(directory)).length, 253);
  ipam.release(lease('pod-100'));
  const [freed = ''] = ipam.allocate(lease('late')) as string[];
  assert.equal(freed, given[100]);
});

test('a second family that is exhausted takes nothing of the first', async (t) => {
  const directory = await stateDirectory(t);
  const ipam = await openIpam({ directory, cidrs: ['10.244.1.0/24', 'fd00::/126'] });
  ipam.allocate(lease('a'));
  assert.throws(() => ipam.allocate(lease('b')), { code: 'LAB_POD_ADDRESSES_EXHAUSTED' });
  assert.deepEqual(await held(directory), ['10.244.1.2', 'fd00::2']);
});

test('ranges too small for pods have none', async (t) => {
  for (const cidr of ['10.0.0.4/30', '10.0.0.4/31', '10.0.0.4/32']) {
    const ipam = await openIpam({ directory: await stateDirectory(t), cidrs: [cidr] });
    if (cidr.endsWith('/30')) assert.deepEqual(ipam.allocate(lease('a')), ['10.0.0.6']);
    assert.throws(() => ipam.allocate(lease('b')), { code: 'LAB_POD_ADDRESSES_EXHAUSTED' });
  }
});

test('a restart loses nothing: 250 pods come back with their addresses', async (t) => {
  const directory = await stateDirectory(t);
  const before = await openIpam({ directory, cidrs: dual });
  const pods = Array.from({ length: 250 }, (_, index) => lease(`pod-${index}`));
  for (const pod of pods) before.allocate(pod);
  const after = await openIpam({ directory, cidrs: dual });
  assert.equal(after.all().length, 250);
  for (const pod of pods) assert.deepEqual(after.find(pod), before.find(pod));
  const leaked = after.all().filter(({ containerId }) => Number(containerId.slice(4)) >= 100);
  for (const pod of leaked) after.release(pod);
  assert.equal((await held(directory)).length, 200);
  assert.equal((await openIpam({ directory, cidrs: dual })).all().length, 100);
});

test('a crash in the middle leaves no half: what was cut off is taken back or completed', async (t) => {
  const directory = await stateDirectory(t);
  const ipam = await openIpam({ directory, cidrs: dual });
  ipam.allocate(lease('a'));
  // Between writing and renaming; then between the files of the two families.
  await writeFile(join(directory, '10.244.1.9.draft'), '{"containerId":"b"');
  await rm(join(directory, 'fd00:10:244:1::2'));
  const restarted = await openIpam({ directory, cidrs: dual });
  assert.deepEqual(await held(directory), ['10.244.1.2']);
  assert.deepEqual(restarted.find(lease('a'))?.addresses, ['10.244.1.2']);
  const [v4, v6] = restarted.allocate(lease('a'));
  assert.deepEqual([v4, v6], ['10.244.1.2', 'fd00:10:244:1::3']);
  assert.deepEqual(await held(directory), ['10.244.1.2', 'fd00:10:244:1::3']);
  assert.deepEqual(JSON.parse(await readFile(join(directory, '10.244.1.2'), 'utf8')), lease('a'));
});

test('addresses of an earlier range stay with their owners and are not given again', async (t) => {
  const directory = await stateDirectory(t);
  const before = await openIpam({ directory, cidrs });
  before.allocate(lease('a'));
  const after = await openIpam({ directory, cidrs: ['10.244.7.0/24'] });
  assert.deepEqual(after.find(lease('a'))?.addresses, ['10.244.1.2']);
  assert.deepEqual(after.allocate(lease('b')), ['10.244.7.2']);
  after.release(lease('a'));
  assert.deepEqual(await held(directory), ['10.244.7.2']);
});

test('a damaged file is not taken for a free address, and a lost place is no error', async (t) => {
  const directory = await stateDirectory(t);
  await writeFile(join(directory, 'last-10.244.1.0-24'), 'nonsense');
  assert.deepEqual((await openIpam({ directory, cidrs })).allocate(lease('a')), ['10.244.1.2']);
  await writeFile(join(directory, '10.244.1.3'), '');
  await assert.rejects(openIpam({ directory, cidrs }), (error: Error & { code: string }) => {
    return error.code === 'LAB_LEASE_UNREADABLE' && error.message.includes('10.244.1.3');
  });
});

test('a node without a range gives no addresses, and says so', async (t) => {
  const ipam = await openIpam({ directory: await stateDirectory(t), cidrs: [] });
  assert.throws(() => ipam.allocate(lease('a')), { code: 'LAB_POD_ADDRESSES_NONE' });
  assert.equal(ipam.find(lease('a')), null);
});

test('an address that cannot be written is not given', async (t) => {
  const directory = await stateDirectory(t);
  const ipam = await openIpam({ directory, cidrs });
  await rm(directory, { recursive: true });
  assert.throws(() => ipam.allocate(lease('a')), { code: 'ENOENT' });
  assert.equal(ipam.find(lease('a')), null);
  // t.after removes it.
  await openIpam({ directory, cidrs });
  assert.deepEqual(ipam.allocate(lease('a')), ['10.244.1.3']);
});
