import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cidr, parseCidr } from '../address/cidr.ts';
import { type Chance, chance, ports, randomPolicies } from '../tests/random-policies.ts';
import { inputFor, namedPorts, podIdentities } from '../tests/test-world.ts';
import { type CompileInput, compile, type PolicyEntry } from './compile.ts';
import { decide } from './decide.ts';
import { cidrLabels, cidrOf, type Identity } from './identity.ts';
import { lookup, type Packet } from './lookup.ts';
import { parsePolicy } from './parse.ts';
import { localNodeRule, type Rule } from './rule.ts';
import { RuleTable } from './rule-table.ts';

const packetsPerRun = 40;
/** How many times as much is tried as in a second or two. */
const thoroughness = Number(process.env.LAB_TEST_THOROUGHNESS ?? 1);
const pods = Object.keys(podIdentities);
const stranger: Identity = { id: 4711, labels: {} };

test('the kernel’s look-ups in compiled entries decide as the rules do, and name a rule that decides', () => {
  const seen: Record<string, number> = {};
  forEachRun(500, (random, rules, input) => {
    const policy = compile(input);
    for (let count = 0; count < packetsPerRun; count++) {
      const peer = random.of([...input.identities, stranger]);
      const packet = randomPacket(random, peer);
      // Of one that is not known nothing can be said but what is said of everybody.
      const applicable = peer === stranger ? rules.map(forEverybody) : rules;
      const question = { endpoint: input.endpoint, peer, rules: applicable, namedPorts, ...packet };
      const expected = decide(question);
      const found = lookup(policy, packet);
      assert.equal(found.verdict, expected.verdict, JSON.stringify(packet));
      seen[found.verdict] = (seen[found.verdict] ?? 0) + 1;
      const named = input.table.nameOf(found.rule);
      if (named === null) {
        assert.ok(found.verdict === 'no-rule' || expected.isolatedBy.length === 0);
        continue;
      }
      const alone = applicable.filter((rule) => rule.effect === 'isolate' || rule.name === named);
      assert.deepEqual(decide({ ...question, rules: alone }).rule, named);
      if (named === localNodeRule) assert.equal(packet.identity, 1);
    }
  });
  for (const verdict of ['allowed', 'denied-by-rule', 'no-rule']) assert.ok((seen[verdict] ?? 0) > 1000, verdict);
});

test('prefixes of one identity are disjoint, in canonical form, and joined where they can be', () => {
  forEachRun(100, (_random, _rules, input) => {
    const keys = new Set<string>();
    let last = { group: '', end: -1 };
    for (const entry of compile(input).entries) {
      const { identity, direction, prefixBits, deny, rule } = entry;
      const group = `${direction}/${identity}`;
      const [first, size] = [placeOf(entry), 2 ** (24 - prefixBits)];
      assert.equal(first % size, 0);
      assert.ok(last.group !== group || first > last.end, 'overlapping');
      last = { group, end: first + size - 1 };
      const sibling = (first / size) % 2 === 0 ? first + size : first - size;
      const keyAt = (place: number) => [group, place, prefixBits, deny, rule].join('/');
      assert.ok(!keys.has(keyAt(sibling)), 'two that could be one');
      keys.add(keyAt(first));
    }
  });
});

test('an address is judged as if it had an identity of its own', () => {
  const addresses = ['10.1.1.1', '10.1.1.2', '10.1.2.1', '10.2.0.1', '10.3.0.1', '192.0.2.1'];
  const addresses6 = ['fd00:1:1::1', 'fd00:1:2::1', 'fd00:2::1', '2001:db8::1', '::2'];
  forEachRun(100, (random, rules, input) => {
    const policy = compile(input);
    for (const address of [...addresses, ...addresses6]) {
      const own = parseCidr(address) as Cidr;
      const packet = randomPacket(random, longestPrefix(input.identities, own));
      const peer = { id: packet.identity, labels: cidrLabels(own) };
      const expected = decide({ endpoint: input.endpoint, peer, rules, namedPorts, ...packet });
      assert.equal(lookup(policy, packet).verdict, expected.verdict, `${address} ${JSON.stringify(packet)}`);
    }
  });
});

test('breaking any part of any policy never lets anything through', () => {
  forEachRun(200, (random, rules, input, documents) => {
    const index = random.below(documents.length);
    const damaged = damage(random, documents[index] as object);
    const others = documents.filter((_, other) => other !== index).flatMap((document) => parsePolicy(document).rules);
    const { rules: left, problems } = parsePolicy(damaged);
    assert.notDeepEqual(problems, [], JSON.stringify(damaged));
    for (let count = 0; count < 20; count++) {
      const peer = random.of([...input.identities, stranger]);
      const question = { endpoint: input.endpoint, peer, namedPorts, ...randomPacket(random, peer) };
      if (decide({ ...question, rules: [...others, ...left] }).verdict !== 'allowed') continue;
      assert.equal(decide({ ...question, rules }).verdict, 'allowed', JSON.stringify(damaged));
      assert.equal(decide({ ...question, rules: others }).verdict, 'allowed', JSON.stringify(damaged));
    }
  });
});

function forEachRun(
  runs: number,
  check: (random: Chance, rules: readonly Rule[], input: CompileInput, documents: readonly object[]) => void,
): void {
  for (let seed = 1; seed <= runs * thoroughness; seed++) {
    const random = chance(seed);
    const documents = randomPolicies(random);
    const parsed = documents.map(parsePolicy);
    for (const { problems } of parsed) assert.deepEqual(problems, [], `seed ${seed}`);
    const rules = parsed.flatMap((policy) => policy.rules);
    try {
      check(random, rules, inputFor(random.of(pods), rules, new RuleTable()), documents);
    } catch (error) {
      (error as Error).message += `\nseed ${seed}: ${JSON.stringify(documents, null, 1)}`;
      throw error;
    }
  }
}

function randomPacket(random: Chance, peer: Identity): Packet {
  const protocol = random.of([6, 6, 6, 17, 17, 132, 1, 58, 47]);
  const port = protocol === 1 || protocol === 58 ? random.of([0, 8, 128, 129]) : random.of(ports) + random.below(2);
  return { identity: peer.id, direction: random.of(['ingress', 'egress']), protocol, port: Math.min(port, 65535) };
}

function forEverybody(rule: Rule): Rule {
  return rule.effect === 'isolate' ? rule : { ...rule, peers: rule.peers.filter(({ kind }) => kind === 'everybody') };
}

function placeOf({ protocol, port }: PolicyEntry): number {
  return protocol * 65536 + port;
}

/** As the ipcache finds it: both families in one table, IPv4 as ::ffff:a.b.c.d; the world where nothing is found. */
function longestPrefix(identities: readonly Identity[], address: Cidr): Identity {
  const bitsOf = ({ family, first }: Cidr): bigint => (family === 4 ? 0xffff00000000n | first : first);
  const lengthOf = ({ family, bits }: Cidr): number => (family === 4 ? bits + 96 : bits);
  const ranges = identities.flatMap((identity) => {
    const cidr = cidrOf(identity);
    if (cidr === null) return [];
    const free = BigInt(128 - lengthOf(cidr));
    return bitsOf(cidr) >> free === bitsOf(address) >> free ? [{ identity, length: lengthOf(cidr) }] : [];
  });
  const [longest] = ranges.toSorted((a, b) => b.length - a.length);
  return longest?.identity ?? (identities.find(({ id }) => id === 2) as Identity);
}

/** A copy of a document with a foreign field in one of its mappings, or with nonsense for one of its values. */
function damage(random: Chance, document: object): object {
  const copy = structuredClone(document) as { spec: Record<string, unknown> };
  const places: (() => void)[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) {
      value.forEach((element, index) => {
        places.push(() => {
          value[index] = 4711.5;
        });
        visit(element);
      });
    } else if (typeof value === 'object' && value !== null) {
      const mapping = value as Record<string, unknown>;
      places.push(() => {
        mapping['not a field'] = { '': [] };
      });
      for (const key of Object.keys(mapping)) {
        places.push(() => {
          mapping[key] = 4711.5;
        });
        visit(mapping[key]);
      }
    }
  };
  visit(copy.spec);
  random.of(places)();
  return copy;
}
