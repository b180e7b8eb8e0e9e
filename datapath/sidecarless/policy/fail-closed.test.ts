import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ccnp, cnp, identitiesFor, namedPorts, netpol, podIdentities, podOf } from '../tests/test-world.ts';
import { decide } from './decide.ts';
import { parsePolicy } from './parse.ts';
import type { ParsedPolicy } from './rule.ts';

const web = { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'In', values: ['front'] }] };
const ports = [{ ports: [{ port: '80', endPort: 90, protocol: 'TCP' }] }];
const cidrs = [{ cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] }];
const sections = {
  endpointSelector: web,
  enableDefaultDeny: { ingress: true, egress: false },
  ingress: [
    { fromEndpoints: [{ matchLabels: { app: 'db' } }], toPorts: ports },
    { fromEntities: ['remote-node'] },
    { fromCIDR: ['10.2.0.0/16'], icmps: [{ fields: [{ family: 'IPv4', type: 8 }] }] },
  ],
  ingressDeny: [{ fromCIDRSet: cidrs, toPorts: ports }],
  egress: [{ toEntities: ['cluster'] }, { toCIDRSet: cidrs }],
  egressDeny: [{ toEndpoints: [web], toPorts: ports }],
};

/** Documents with every field that is read, once. */
const documents: Readonly<Record<string, object>> = {
  'a CiliumNetworkPolicy': cnp(sections),
  'one of several sections': { ...cnp(undefined), specs: [sections, { endpointSelector: {}, ingress: [{}] }] },
  'a CiliumClusterwideNetworkPolicy': ccnp(sections),
  'a NetworkPolicy': netpol({
    podSelector: web,
    policyTypes: ['Ingress', 'Egress'],
    ingress: [
      { from: [{ podSelector: web, namespaceSelector: { matchLabels: { team: 'red' } } }], ports: [{ port: 80 }] },
      { from: [{ ipBlock: cidrs[0] }], ports: [{ port: 80, endPort: 90, protocol: 'TCP' }] },
    ],
    egress: [{ to: [{ podSelector: {} }], ports: [{ port: 'http' }] }],
  }),
};

type Place = readonly (string | number)[];
type Node = { place: Place; value: unknown };

/** Every place below the specification, itself included. */
function places(value: unknown, place: Place): Node[] {
  const below =
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, element]) =>
          places(element, [...place, Array.isArray(value) ? Number(key) : key]),
        )
      : [];
  return [{ place, value }, ...below];
}

function specification(document: object): Node[] {
  return ['spec', 'specs']
    .filter((key) => (document as Record<string, unknown>)[key] !== undefined)
    .flatMap((key) => places((document as Record<string, unknown>)[key], [key]));
}

/** A copy with something else at a place. */
function withValue(document: unknown, [key, ...rest]: Place, value: unknown): unknown {
  if (key === undefined) return value;
  const copy = Array.isArray(document) ? [...document] : { ...(document as object) };
  const fields = copy as Record<string | number, unknown>;
  fields[key] = withValue(fields[key], rest, value);
  return copy;
}

/** What a value must not be. */
const strangers = [null, true, 7, 'Strange!', [], {}];

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'list' : typeof value;
}

/** Values of another type that are as good. */
const alternatives: Readonly<Record<string, readonly string[]>> = {
  type: ['number', 'string'],
  port: ['number', 'string'],
};

function isStrange({ place, value }: Node, stranger: unknown): boolean {
  const key = String(place.at(-1));
  return kindOf(value) !== kindOf(stranger) && !(alternatives[key] ?? []).includes(kindOf(stranger));
}

const known = new Map<string, ReadonlySet<string>>();

/** Who may do what, of all that these policies can tell apart. */
function allowances({ rules }: ParsedPolicy, like: ParsedPolicy): ReadonlySet<string> {
  const key = JSON.stringify([rules, like.rules], (_, value) => (typeof value === 'bigint' ? String(value) : value));
  const before = known.get(key);
  if (before !== undefined) return before;
  const questions = [
    [6, 80],
    [6, 91],
    [6, 8080],
    [17, 80],
    [1, 8],
    [1, 0],
  ] as const;
  const allowed = new Set<string>();
  for (const pod of Object.keys(podIdentities)) {
    for (const peer of identitiesFor(like.rules)) {
      for (const direction of ['ingress', 'egress'] as const) {
        for (const [protocol, port] of questions) {
          const { verdict } = decide({ endpoint: podOf(pod), direction, peer, protocol, port, rules, namedPorts });
          if (verdict === 'allowed') allowed.add(`${pod} ${direction} ${peer.id} ${protocol}/${port}`);
        }
      }
    }
  }
  known.set(key, allowed);
  return allowed;
}

/** Asserts that a problem is named, that the policy allows nothing, and that no more is allowed than before. */
function assertClosed(document: object, broken: object, what: string): ParsedPolicy {
  const before = parsePolicy(document);
  const after = parsePolicy(broken);
  assert.deepEqual(before.problems, []);
  assert.notDeepEqual(after.problems, [], `${what} goes unnoticed`);
  assert.ok(!after.rules.some(({ effect }) => effect === 'allow'), `${what} leaves an allowance`);
  assert.ok(
    after.rules.some(({ effect }) => effect === 'isolate'),
    `${what} isolates nobody`,
  );
  const was = allowances(before, before);
  const widened = [...allowances(after, before)].filter((one) => !was.has(one));
  assert.deepEqual(widened, [], `${what} widens`);
  return after;
}

for (const [name, document] of Object.entries(documents)) {
  const nodes = specification(document);

  test(`a field that is not known, anywhere in ${name}, is named and closes`, () => {
    for (const { place, value } of nodes) {
      if (typeof value !== 'object' || value === null || Array.isArray(value) || place.at(-1) === 'matchLabels')
        continue;
      for (const key of ['extra', '__proto__']) {
        const wider = JSON.parse(`{${JSON.stringify(key)}:{}}`);
        Object.defineProperties(wider, Object.getOwnPropertyDescriptors(value));
        const broken = withValue(document, place, wider) as object;
        const { problems } = assertClosed(document, broken, `${key} in ${place.join('.')}`);
        assert.ok(problems.some(({ path, problem }) => path.endsWith(`.${key}`) && problem === 'unknown field'));
      }
    }
  });

  test(`a value of the wrong type, anywhere in ${name}, is named and closes`, () => {
    for (const node of nodes) {
      for (const stranger of strangers.filter((one) => isStrange(node, one))) {
        const broken = withValue(document, node.place, stranger) as object;
        assertClosed(document, broken, `${JSON.stringify(stranger)} at ${node.place.join('.')}`);
      }
    }
  });

  test(`a text that means nothing, anywhere in ${name}, is named and closes`, () => {
    for (const { place, value } of nodes) {
      if (typeof value !== 'string') continue;
      const isOfLabels = place.some((key) => key === 'matchLabels' || key === 'matchExpressions');
      // Labels may be empty and numbers, and a key may look like a range.
      const nonsense = isOfLabels ? ['a//b', '/a', 'a/b/c', 'ä'] : ['', '10.0.0.0/33', '65536'];
      for (const text of [...nonsense, 'Strange!', '-1', `${value} `]) {
        const what = `${JSON.stringify(text)} at ${place.join('.')}`;
        assertClosed(document, withValue(document, place, text) as object, what);
      }
    }
  });

  test(`a number that cannot be, anywhere in ${name}, is named and closes`, () => {
    for (const { place, value } of nodes) {
      if (typeof value !== 'number') continue;
      for (const number of [-1, 1.5, 65536, Number.NaN]) {
        assertClosed(document, withValue(document, place, number) as object, `${number} at ${place.join('.')}`);
      }
    }
  });
}

test('a label of an impossible name is no condition less', () => {
  const selector = (matchLabels: string): unknown => JSON.parse(`{"matchLabels":${matchLabels}}`);
  const sane = selector('{"app":"db"}');
  for (const matchLabels of ['{"app":"db","__proto__":"x"}', '{"__proto__":"x"}', '{"app":"db","":"x"}']) {
    const odd = selector(matchLabels);
    assertClosed(
      cnp({ endpointSelector: {}, ingress: [{ fromEndpoints: [sane] }] }),
      cnp({ endpointSelector: {}, ingress: [{ fromEndpoints: [odd] }] }),
      matchLabels,
    );
    for (const peer of ['podSelector', 'namespaceSelector']) {
      assertClosed(
        netpol({ podSelector: {}, ingress: [{ from: [{ [peer]: sane }] }] }),
        netpol({ podSelector: {}, ingress: [{ from: [{ [peer]: odd }] }] }),
        `${peer} ${matchLabels}`,
      );
    }
    assertClosed(
      cnp({ endpointSelector: sane, ingress: [{}] }),
      cnp({ endpointSelector: odd, ingress: [{}] }),
      'subject',
    );
    assertClosed(netpol({ podSelector: sane }), netpol({ podSelector: odd }), 'subject');
  }
});

test('an empty selector, none at all and null are three things', () => {
  const from = (fromEndpoints: unknown) => cnp({ endpointSelector: {}, ingress: [{ fromEndpoints }] });
  assert.deepEqual(parsePolicy(from([{}])).problems, []);
  assert.deepEqual(parsePolicy(from([])).problems, []);
  for (const odd of [null, [null], {}, [[]]]) assertClosed(from([]), from(odd), JSON.stringify(odd));
  assertClosed(cnp({ endpointSelector: {}, ingress: [{}] }), cnp({ ingress: [{}] }), 'no subject');
  assertClosed(cnp({ endpointSelector: {}, ingress: [{}] }), cnp({ endpointSelector: null, ingress: [{}] }), 'null');
  const peer = (value: unknown) => netpol({ podSelector: {}, ingress: [{ from: [value] }] });
  const nobody = netpol({ podSelector: {} });
  for (const odd of [{}, null, { podSelector: null }, { namespaceSelector: null }, { ipBlock: null }]) {
    assertClosed(nobody, peer(odd), JSON.stringify(odd));
  }
});
