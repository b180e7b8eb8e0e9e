import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chance, randomPolicies } from '../tests/random-policies.ts';
import { identitiesFor, namedPorts, podOf } from '../tests/test-world.ts';
import { type CompiledPolicy, compile, type PolicyEntry } from './compile.ts';
import { diff, keyOf } from './diff.ts';
import { longest, lookup, type Packet } from './lookup.ts';
import { parsePolicy } from './parse.ts';
import { RuleTable } from './rule-table.ts';

const entry = (fields: Partial<PolicyEntry>): PolicyEntry => ({
  ...{ identity: 0, direction: 0, protocol: 6, port: 80, prefixBits: 24, deny: false, rule: 1 },
  ...fields,
});

test('what is the same stays, what differs in any way is put, what is gone is deleted', () => {
  const kept = entry({});
  const before = [kept, entry({ port: 81 }), entry({ port: 82 }), entry({ port: 83 })];
  const after = [kept, entry({ port: 81, rule: 2 }), entry({ port: 82, deny: true }), entry({ port: 84 })];
  assert.deepEqual(diff(before, after), {
    put: [entry({ port: 82, deny: true }), entry({ port: 81, rule: 2 }), entry({ port: 84 })],
    delete: [entry({ port: 83 })],
  });
  assert.deepEqual(diff(before, before), { put: [], delete: [] });
});

test('no step of a change lets through what is forbidden before and after, or stops what is allowed', () => {
  let steps = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const random = chance(seed);
    const [old, young] = [0, 1].map(() => randomPolicies(random).flatMap((document) => parsePolicy(document).rules));
    const rules = [...(old ?? []), ...(young ?? [])];
    const common = {
      endpoint: podOf('shop/web'),
      identities: identitiesFor(rules),
      namedPorts,
      table: new RuleTable(),
    };
    const before = compile({ ...common, rules: old ?? [] });
    const after = compile({ ...common, rules: young ?? [] });
    const packets = packetsAtEdges(before, after, [...common.identities.map(({ id }) => id), 4711]);
    const map = new Map(before.entries.map((entry) => [keyOf(entry), entry]));
    const changes = diff(before.entries, after.entries);
    const check = (): void => {
      steps++;
      const entries = [...map.values()];
      for (const { packet, was, becomes } of packets) {
        if (was !== becomes) continue;
        const found = longest(entries, packet) ?? longest(entries, { ...packet, identity: 0 });
        const now = found !== undefined && !found.deny;
        assert.equal(now, was, `seed ${seed}, ${JSON.stringify(packet)}`);
      }
    };
    for (const put of changes.put) {
      map.set(keyOf(put), put);
      check();
    }
    for (const gone of changes.delete) {
      map.delete(keyOf(gone));
      check();
    }
    const order = (a: PolicyEntry, b: PolicyEntry): number => (keyOf(a) < keyOf(b) ? -1 : 1);
    assert.deepEqual([...map.values()].sort(order), after.entries.toSorted(order));
  }
  assert.ok(steps > 1000, String(steps));
});

/** Packets where entries begin and end, of directions that are policed before and after. */
function packetsAtEdges(
  before: CompiledPolicy,
  after: CompiledPolicy,
  identities: readonly number[],
): { packet: Packet; was: boolean; becomes: boolean }[] {
  const places = new Set<number>();
  for (const { protocol, port, prefixBits } of [...before.entries, ...after.entries]) {
    const first = protocol * 65536 + port;
    if (prefixBits >= 22 || prefixBits <= 8) places.add(first).add(first + 2 ** (24 - prefixBits) - 1);
  }
  const directions = (['ingress', 'egress'] as const).filter((direction) =>
    [before, after].every((policy) => (direction === 'ingress' ? policy.policeIngress : policy.policeEgress)),
  );
  return directions.flatMap((direction) =>
    identities.flatMap((identity) =>
      [...places].slice(0, 12).map((place) => {
        const packet = { identity, direction, protocol: place >> 16, port: place & 0xffff };
        const isAllowed = (policy: CompiledPolicy): boolean => lookup(policy, packet).verdict === 'allowed';
        return { packet, was: isAllowed(before), becomes: isAllowed(after) };
      }),
    ),
  );
}
