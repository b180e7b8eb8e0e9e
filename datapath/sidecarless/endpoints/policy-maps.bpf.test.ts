import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { mapSizes, policyMap } from '../abi/maps.ts';
import { definitions } from '../abi/numbers.ts';
import { uint32, uint32At } from '../abi/record.ts';
import { libbpf, resultOf } from '../libbpf/libbpf.ts';
import { type BpfMap, bpfMap, createPolicyMap, type MapEntry } from '../libbpf/map.ts';
import { mapTypes } from '../libbpf/map-types.ts';
import { encode } from '../tests/struct-codec.ts';
import { type PolicyMap, policyMaps } from './policy-maps.ts';

const layout = { ...mapSizes(policyMap, 1), entries: policyMap.entries };
/** Of a peer, for one direction, protocol and port. */
const entryOf = (identity: number): MapEntry => ({
  key: encode('policy_key', { prefixlen: definitions.POLICY_FULL_BITS, identity }),
  value: encode('policy_entry', {}),
});
const entry = entryOf(0);

const outer = mapOfMaps(64);
after(() => outer.close());

/** The numbers at which programs find a map now. */
const findable = (): number[] =>
  outer
    .entries()
    .map(({ key }) => uint32At(key))
    .toSorted((one, other) => one - other);
/** The kernel's own number of the map that programs find. */
const foundAt = (id: number): number => uint32At(outer.lookup(uint32(id)) ?? assert.fail());
const settled = async (count: number): Promise<void> => {
  const deadline = Date.now() + 10_000;
  while (findable().length !== count) {
    assert.ok(Date.now() < deadline, `programs find ${findable()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

test('a policy is findable and filled when it is given, no two have one number, and there are spare ones again', async () => {
  const maps = policyMaps(outer);
  await settled(8);
  const given = await Promise.all(Array.from({ length: 12 }, () => maps.take([entry])));
  const ids = given.map(({ id }) => id);
  assert.equal(new Set(ids).size, 12);
  for (const { id, map } of given) {
    assert.ok(findable().includes(id));
    assert.deepEqual(map.lookup(entry.key), entry.value);
  }
  await settled(20);
  for (const policy of given) await maps.remove(policy);
  await settled(8);
  assert.ok(ids.every((id) => !findable().includes(id)));
});

test('the next agent gives numbers that the one before has not, takes over those in use, and clears the rest away', async () => {
  const before = policyMaps(outer);
  await settled(16);
  const [kept, left] = (await Promise.all([before.take([]), before.take([])])) as [PolicyMap, PolicyMap];
  await settled(18);
  const old = findable();
  const next = policyMaps(outer);
  await settled(26);
  const fresh = await next.take([]);
  assert.ok(fresh.id > Math.max(...old));
  const formerly = foundAt(kept.id);
  const same = await next.replace(kept.id, [entry]);
  assert.equal(same.id, kept.id);
  assert.notEqual(foundAt(kept.id), formerly);
  assert.deepEqual(same.map.lookup(entry.key), entry.value);
  await settled(27);
  next.keepOnly(new Set([kept.id]));
  assert.ok(!findable().includes(left.id));
  assert.deepEqual(
    findable().filter((id) => old.includes(id)),
    [kept.id],
  );
  assert.ok(findable().includes(fresh.id));
});

test('where a spare one could not be made, who needs it makes it, or is told', async () => {
  const small = mapOfMaps(8);
  const maps = policyMaps(small);
  const first = await maps.take([]);
  for (let taken = 1; taken < 8; taken++) await maps.take([]);
  // Of these there is no spare one: there was no room.
  await assert.rejects(maps.take([]), { code: 'LAB_BPF_FAILED' });
  await maps.remove(first);
  assert.ok((await maps.take([])).id > first.id);
  small.close();
});

test('one that its policy does not fit into is not left behind', async () => {
  const map = mapOfMaps(64);
  const maps = policyMaps(map);
  const findableThere = (): number => map.entries().length;
  const tooMany = Array.from({ length: policyMap.entries + 1 }, (_, number) => entryOf(number));
  for (let time = 0; time < 3; time++) await assert.rejects(maps.take(tooMany), { code: 'LAB_BPF_FAILED' });
  const last = await maps.take([]);
  const deadline = Date.now() + 10_000;
  while (findableThere() !== 9 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(findableThere(), 9, 'eight spare ones and this one');
  await maps.remove(last);
  map.close();
});

function mapOfMaps(entries: number): BpfMap {
  const inner = createPolicyMap('lab_inner', layout);
  // struct bpf_map_create_opts: its size, four BTF ids, and a map as the others will be.
  const options = new DataView(new ArrayBuffer(56));
  options.setBigUint64(0, 56n, true);
  options.setUint32(24, inner.fd, true);
  const fd = libbpf().createMap(mapTypes.HASH_OF_MAPS, 'lab_test', 4, 4, entries, new Uint8Array(options.buffer));
  inner.close();
  return bpfMap('lab_test', resultOf('make a map of maps', fd), 4, 4);
}
