import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AskOptions, ask, ccnp, cnp } from '../tests/test-world.ts';
import { parsePolicy } from './parse.ts';

const everyone = ['shop/web', 'shop/db', 'bank/web', 'bank/db', 'host', 'remote-node', 'world', '10.1.0.0/16'];
const allowedBy = (documents: readonly object[], options: Partial<AskOptions> = {}): string[] =>
  everyone.filter((peer) => ask(documents, peer, options).verdict === 'allowed');
const problemsOf = (document: object): string[] =>
  parsePolicy(document).problems.map(({ path, problem }) => `${path}: ${problem}`);

/** Asserts that the policy is as it should be, and whom it lets in to port 80. The host is: the node reaches its pods. */
const letsIn = (ingress: unknown, peers: string[], make = cnp, options: Partial<AskOptions> = {}): void => {
  const document = make({ endpointSelector: {}, ingress });
  assert.deepEqual(problemsOf(document), []);
  assert.deepEqual(
    allowedBy([document], options).filter((peer) => peer !== 'host'),
    peers,
  );
};

test('without rules for it a direction is open; an empty rule closes it and allows nobody', () => {
  letsIn([{}], []);
  assert.deepEqual(allowedBy([cnp({ endpointSelector: {}, ingress: [{}] })], { direction: 'egress' }), everyone);
  const beside = cnp({ endpointSelector: {}, ingress: [], egress: [{}] });
  assert.deepEqual(problemsOf(beside), []);
  assert.deepEqual(allowedBy([beside]), everyone);
  assert.deepEqual(allowedBy([beside], { direction: 'egress' }), []);
});

test('a section without any rule is refused, as Cilium does, but closes what it names', () => {
  const empty = cnp({ endpointSelector: {}, ingress: [] });
  assert.deepEqual(problemsOf(empty), ['spec: there is no rule']);
  assert.deepEqual(allowedBy([empty]), ['host']);
  assert.deepEqual(allowedBy([empty], { direction: 'egress' }), everyone);
  assert.deepEqual(allowedBy([cnp({ endpointSelector: {} })], { direction: 'egress' }), []);
});

test('fromEndpoints: none is nobody, {} is the own namespace, and clusterwide it is every pod', () => {
  letsIn([{ fromEndpoints: [] }], []);
  letsIn([{ fromEndpoints: [], toPorts: [{ ports: [{ port: '80' }] }] }], []);
  letsIn([{ fromEndpoints: [{}] }], ['shop/web', 'shop/db']);
  letsIn([{ fromEndpoints: [{}] }], ['shop/web', 'shop/db', 'bank/web', 'bank/db'], ccnp);
});

test('labels may name their source, and a namespace, by name or by label', () => {
  const match = (matchLabels: object) => [{ fromEndpoints: [{ matchLabels }] }];
  letsIn(match({ app: 'db' }), ['shop/db']);
  letsIn(match({ 'k8s:app': 'db' }), ['shop/db']);
  letsIn(match({ 'any:app': 'db' }), ['shop/db']);
  letsIn(match({ app: 'db' }), ['shop/db', 'bank/db'], ccnp);
  letsIn(match({ app: 'db', 'k8s:io.kubernetes.pod.namespace': 'bank' }), ['bank/db']);
  letsIn(match({ 'io.kubernetes.pod.namespace': 'bank' }), ['bank/web', 'bank/db']);
  letsIn(match({ 'k8s:io.cilium.k8s.namespace.labels.team': 'blue' }), ['bank/web', 'bank/db']);
  letsIn(match({ 'io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name': 'bank' }), ['bank/web', 'bank/db']);
  letsIn(match({ 'reserved:remote-node': '' }), ['remote-node']);
});

test('every operator of matchExpressions', () => {
  const match = (key: string, operator: string, values?: string[]) => [
    { fromEndpoints: [{ matchExpressions: [{ key, operator, ...(values && { values }) }] }] },
  ];
  letsIn(match('app', 'In', ['db', 'x']), ['shop/db']);
  letsIn(match('app', 'NotIn', ['db']), ['shop/web']);
  letsIn(match('nothing', 'NotIn', ['db']), ['shop/web', 'shop/db']);
  letsIn(match('app', 'Exists'), ['shop/web', 'shop/db']);
  letsIn(match('app', 'DoesNotExist'), []);
  const key = 'io.kubernetes.pod.namespace';
  letsIn(match(key, 'NotIn', ['shop']), ['bank/web', 'bank/db']);
  const denial = cnp({
    endpointSelector: {},
    enableDefaultDeny: { ingress: false },
    ingressDeny: match(key, 'Exists'),
  });
  assert.deepEqual(allowedBy([denial]), ['host', 'remote-node', 'world', '10.1.0.0/16']);
  const others = cnp({
    endpointSelector: {},
    enableDefaultDeny: { ingress: false },
    ingressDeny: match(key, 'NotIn', ['shop']),
  });
  assert.deepEqual(allowedBy([others]), ['shop/web', 'shop/db']);
});

test('a denial of the whole cluster by labels of namespaces means pods, by the namespace whoever is not in it', () => {
  const denial = (key: string, values: string[]) =>
    ccnp({
      endpointSelector: {},
      enableDefaultDeny: { ingress: false },
      ingressDeny: [{ fromEndpoints: [{ matchExpressions: [{ key, operator: 'NotIn', values }] }] }],
    });
  const byLabel = denial('k8s:io.cilium.k8s.namespace.labels.team', ['blue']);
  assert.deepEqual(
    allowedBy([byLabel]),
    everyone.filter((peer) => !peer.startsWith('shop/')),
  );
  assert.deepEqual(allowedBy([denial('k8s:io.kubernetes.pod.namespace', ['bank'])]), ['bank/web', 'bank/db']);
});

test('the subject is of the own namespace, clusterwide of any', () => {
  const spec = { endpointSelector: { matchLabels: { app: 'web' } }, ingress: [{}] };
  const closed = (document: object) =>
    ['shop/web', 'shop/db', 'bank/web'].filter((pod) => ask([document], 'world', { pod }).verdict === 'no-rule');
  assert.deepEqual(closed(cnp(spec)), ['shop/web']);
  assert.deepEqual(closed(ccnp(spec)), ['shop/web', 'bank/web']);
  const foreign = cnp({ ...spec, endpointSelector: { matchLabels: { 'k8s:io.kubernetes.pod.namespace': 'bank' } } });
  assert.deepEqual(problemsOf(foreign), ['spec.endpointSelector: selects outside of the namespace shop']);
  assert.deepEqual(closed(foreign), ['shop/web', 'shop/db']);
});

test('every entity', () => {
  const entity = (name: string) => [{ fromEntities: [name] }];
  letsIn(entity('all'), ['shop/web', 'shop/db', 'bank/web', 'bank/db', 'remote-node', 'world', '10.1.0.0/16']);
  letsIn(entity('world'), ['world', '10.1.0.0/16']);
  letsIn(entity('cluster'), ['shop/web', 'shop/db', 'bank/web', 'bank/db', 'remote-node']);
  letsIn(entity('remote-node'), ['remote-node']);
  letsIn(entity('none'), []);
  letsIn(entity('ingress'), []);
  letsIn([{ fromEntities: [] }], []);
  for (const name of ['kube-apiserver', 'health', 'init', 'unmanaged']) {
    const document = cnp({ endpointSelector: {}, ingress: entity(name) });
    assert.equal(ask([document], name).verdict, 'allowed', name);
    assert.equal(ask([cnp({ endpointSelector: {}, ingress: entity('cluster') })], name).verdict, 'allowed', name);
    assert.equal(ask([document], 'world').verdict, 'no-rule', name);
  }
  const host = cnp({ endpointSelector: {}, egress: [{ toEntities: ['host'] }] });
  assert.deepEqual(allowedBy([host], { direction: 'egress' }), ['host']);
});

test('CIDRs are of the world only, and of their own family', () => {
  letsIn([{ fromCIDR: ['10.0.0.0/8'] }], ['10.1.0.0/16']);
  letsIn([{ fromCIDR: ['10.1.2.3/16'] }], ['10.1.0.0/16']);
  letsIn([{ fromCIDR: ['::/0'] }], []);
  letsIn([{ fromCIDRSet: [{ cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] }] }], []);
  letsIn([{ fromCIDRSet: [{ cidr: '10.0.0.0/8', except: ['10.1.1.0/24'] }] }], ['10.1.0.0/16']);
  const v6 = [cnp({ endpointSelector: {}, egress: [{ toCIDRSet: [{ cidr: 'fd00::/16', except: ['fd00:1::/32'] }] }] })];
  const out = (peer: string) => ask(v6, peer, { direction: 'egress' }).verdict;
  assert.deepEqual(['fd00:2::/32', 'fd00:1:2::/48', 'fd01::/16'].map(out), ['allowed', 'no-rule', 'no-rule']);
  const one = [cnp({ endpointSelector: {}, ingress: [{ fromCIDR: ['10.0.0.1'] }] })];
  assert.equal(ask(one, '10.0.0.1/32').verdict, 'allowed');
});

test('ports: numbers, ranges, names, protocols', () => {
  const open = (ports: object[], protocol: number, port: number) => {
    const document = cnp({ endpointSelector: {}, ingress: [{ toPorts: [{ ports }] }] });
    assert.deepEqual(problemsOf(document), []);
    return ask([document], 'world', { protocol, port }).verdict === 'allowed';
  };
  assert.ok(open([{ port: '80', protocol: 'TCP' }], 6, 80));
  assert.ok(!open([{ port: '80', protocol: 'TCP' }], 17, 80));
  assert.ok(!open([{ port: '80', protocol: 'TCP' }], 6, 81));
  for (const protocol of [6, 17, 132]) {
    assert.ok(open([{ port: '80', protocol: 'ANY' }], protocol, 80));
    assert.ok(open([{ port: '80' }], protocol, 80));
  }
  assert.ok(!open([{ port: '8' }], 1, 8));
  assert.ok(open([{ port: '80', endPort: 90, protocol: 'SCTP' }], 132, 90));
  assert.ok(!open([{ port: '80', endPort: 90 }], 6, 91));
  assert.ok(open([{ port: '0', protocol: 'UDP' }], 17, 65535));
  assert.ok(open([{ port: 'HTTP' }], 6, 8080));
  assert.ok(!open([{ port: 'http', protocol: 'UDP' }], 6, 8080));
  assert.ok(!open([{ port: 'http' }], 6, 80));
});

test('a name at egress means the port of the pod that is connected to', () => {
  const policy = cnp({
    endpointSelector: {},
    egress: [{ toEntities: ['cluster'], toPorts: [{ ports: [{ port: 'http' }] }] }],
  });
  const to = (peer: string, port: number) => ask([policy], peer, { direction: 'egress', port }).verdict === 'allowed';
  assert.deepEqual([to('shop/web', 8080), to('shop/web', 80)], [true, false]);
  assert.deepEqual([to('bank/web', 80), to('bank/web', 81), to('bank/web', 8080)], [true, true, false]);
  assert.equal(to('shop/db', 5432), false);
});

test('ICMP: by rules without ports, or by its types', () => {
  const open = (rule: object, protocol: number, port: number) => {
    const document = cnp({ endpointSelector: {}, ingress: [rule] });
    assert.deepEqual(problemsOf(document), []);
    return ask([document], 'shop/db', { protocol, port }).verdict === 'allowed';
  };
  const icmps = (...fields: object[]) => ({ icmps: [{ fields }] });
  assert.ok(open({ fromEndpoints: [{}] }, 1, 8));
  assert.ok(open({ fromEndpoints: [{}], toPorts: [] }, 1, 8));
  assert.ok(!open({ fromEndpoints: [{}], toPorts: [{ ports: [{ port: '0' }] }] }, 1, 8));
  assert.ok(open(icmps({ type: 8 }), 1, 8));
  assert.ok(open(icmps({ type: '8' }), 1, 8));
  assert.ok(open(icmps({ family: 'IPv4', type: 'EchoRequest' }), 1, 8));
  assert.ok(open(icmps({ type: 0 }, { family: 'IPv6', type: 'EchoRequest' }), 58, 128));
  assert.ok(!open(icmps({ type: 8 }), 1, 0));
  assert.ok(!open(icmps({ type: 8 }), 58, 8));
  assert.ok(!open(icmps({ type: 8 }), 6, 8));
});

test('a denial beats every allowance', () => {
  const allow = cnp({ endpointSelector: {}, ingress: [{ fromEntities: ['all'] }] }, 'allow');
  const deny = cnp(
    { endpointSelector: {}, ingressDeny: [{ fromEntities: ['world'], toPorts: [{ ports: [{ port: '80' }] }] }] },
    'deny',
  );
  const decision = ask([allow, deny], 'world');
  assert.equal(decision.verdict, 'denied-by-rule');
  assert.equal(decision.rule?.name, 'deny');
  assert.equal(decision.rule?.path, 'spec.ingressDeny[0]');
  assert.equal(ask([allow, deny], 'world', { port: 81 }).rule?.name, 'allow');
  assert.deepEqual(
    ask([allow, deny], 'world').isolatedBy.map(({ name }) => name),
    ['allow', 'deny'],
  );
  assert.equal(ask([deny], 'host').rule?.name, 'local-node');
  const denyHost = cnp({ endpointSelector: {}, ingressDeny: [{ fromEntities: ['host'] }] });
  assert.equal(ask([denyHost], 'host').verdict, 'denied-by-rule');
  assert.equal(ask([cnp({ endpointSelector: {}, ingressDeny: [{}] })], 'world').verdict, 'no-rule');
});

test('enableDefaultDeny decides instead of the presence of rules', () => {
  const rules = { ingress: [{ fromEntities: ['remote-node'] }] };
  assert.deepEqual(
    allowedBy([cnp({ endpointSelector: {}, enableDefaultDeny: { ingress: false }, ...rules })]),
    everyone,
  );
  const closing = cnp({ endpointSelector: {}, enableDefaultDeny: { egress: true }, ...rules });
  assert.deepEqual(allowedBy([closing], { direction: 'egress' }), []);
});

test('specs are sections of one object, which stands or falls as a whole', () => {
  const web = { endpointSelector: { matchLabels: { app: 'web' } }, ingress: [{ fromEntities: ['world'] }] };
  const db = { endpointSelector: { matchLabels: { app: 'db' } }, ingressDeny: [{ fromEntities: ['world'] }] };
  const both = (...specs: object[]) => ({ ...cnp(undefined), specs });
  assert.equal(ask([both(web, db)], 'world').rule?.path, 'specs[0].ingress[0]');
  assert.equal(ask([both(web, db)], 'world', { pod: 'shop/db' }).rule?.path, 'specs[1].ingressDeny[0]');
  const broken = both(web, { ...db, egress: [{ toFQDNs: [{ matchName: 'a.b' }] }] });
  assert.deepEqual(problemsOf(broken), ['specs[1].egress[0].toFQDNs: not supported']);
  assert.equal(ask([broken], 'world').verdict, 'no-rule');
  assert.equal(ask([broken], 'world', { direction: 'egress' }).verdict, 'allowed');
  assert.equal(ask([broken], 'world', { pod: 'shop/db' }).verdict, 'denied-by-rule');
  assert.equal(ask([broken], 'world', { pod: 'shop/db', direction: 'egress' }).verdict, 'no-rule');
});

const port80 = [{ ports: [{ port: '80', protocol: 'TCP' }] }];
const world = { fromEntities: ['world'] };

/** A broken allowance, and where the problem is. */
const brokenRules: readonly [rule: unknown, path: string, problem: RegExp][] = [
  ['text', '', /mapping/],
  [{ ...world, fromRequires: [{}] }, '.fromRequires', /not supported/],
  [{ fromGroups: [{}] }, '.fromGroups', /not supported/],
  [{ ...world, authentication: { mode: 'required' } }, '.authentication', /not supported/],
  [{ ...world, toPort: port80 }, '.toPort', /unknown field/],
  [{ ...world, toEndpoints: [{}] }, '.toEndpoints', /unknown field/],
  [{ fromEndpoints: 'all' }, '.fromEndpoints', /array/],
  [{ fromEndpoints: null }, '.fromEndpoints', /array/],
  [{ fromEndpoints: [{ matchlabels: {} }] }, '.fromEndpoints[0].matchlabels', /unknown field/],
  [{ fromEndpoints: [{ matchLabels: { app: 1 } }] }, '.fromEndpoints[0].matchLabels.app', /string/],
  [
    { fromEndpoints: [{ matchLabels: { 'cidr:10.0.0.0/8': '' } }] },
    '.fromEndpoints[0].matchLabels["cidr:10.0.0.0/8"]',
    /key/,
  ],
  [
    { fromEndpoints: [{ matchLabels: { 'k8s:pod-template-hash': 'x' } }] },
    '.fromEndpoints[0].matchLabels["k8s:pod-template-hash"]',
    /differs/,
  ],
  [
    { fromEndpoints: [{ matchExpressions: [{ key: 'app', operator: 'In' }] }] },
    '.fromEndpoints[0].matchExpressions[0].values',
    /need values/,
  ],
  [
    { fromEndpoints: [{ matchExpressions: [{ key: 'app', operator: 'Exists', values: ['a'] }] }] },
    '.fromEndpoints[0].matchExpressions[0].values',
    /must have none/,
  ],
  [
    { fromEndpoints: [{ matchExpressions: [{ key: 'app', operator: 'Is' }] }] },
    '.fromEndpoints[0].matchExpressions[0].operator',
    /./,
  ],
  [{ fromEntities: ['mars'] }, '.fromEntities[0]', /./],
  [{ fromCIDR: ['10.0.0.0/33'] }, '.fromCIDR[0]', /CIDR/],
  [{ fromCIDR: ['::ffff:10.0.0.0/104'] }, '.fromCIDR[0]', /CIDR/],
  [{ fromCIDRSet: [{ cidr: '10.0.0.1' }] }, '.fromCIDRSet[0].cidr', /CIDR/],
  [{ fromCIDRSet: [{ cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] }] }, '.fromCIDRSet[0].except[0]', /not inside/],
  [{ fromCIDRSet: [{ cidr: '10.0.0.0/8', cidrGroupRef: 'x' }] }, '.fromCIDRSet[0].cidrGroupRef', /not supported/],
  [{ ...world, fromCIDR: ['10.0.0.0/8'] }, '', /cannot stand in one rule/],
  [{ ...world, toPorts: [{ ...port80[0], rules: { http: [{}] } }] }, '.toPorts[0].rules', /not supported/],
  [{ ...world, toPorts: [{ ...port80[0], listener: {} }] }, '.toPorts[0].listener', /not supported/],
  [{ ...world, toPorts: [{ ...port80[0], serverNames: ['a'] }] }, '.toPorts[0].serverNames', /not supported/],
  [{ ...world, toPorts: [{ ...port80[0], terminatingTLS: {} }] }, '.toPorts[0].terminatingTLS', /not supported/],
  [{ ...world, toPorts: [{ ...port80[0], originatingTLS: {} }] }, '.toPorts[0].originatingTLS', /not supported/],
  [{ ...world, toPorts: [{ ...port80[0], extra: {} }] }, '.toPorts[0].extra', /unknown field/],
  [{ ...world, toPorts: [{}] }, '.toPorts[0].ports', /array/],
  [{ ...world, toPorts: 80 }, '.toPorts', /list/],
  [{ ...world, toPorts: [80] }, '.toPorts[0]', /mapping/],
  [{ ...world, toPorts: [{ ports: [{ port: 80 }] }] }, '.toPorts[0].ports[0].port', /string/],
  [{ ...world, toPorts: [{ ports: [{ port: '65536' }] }] }, '.toPorts[0].ports[0].port', /port/],
  [{ ...world, toPorts: [{ ports: [{ port: '80', endPort: 79 }] }] }, '.toPorts[0].ports[0].endPort', /before/],
  [{ ...world, toPorts: [{ ports: [{ port: '80', protocol: 'ICMP' }] }] }, '.toPorts[0].ports[0].protocol', /./],
  [{ ...world, icmps: [{ fields: [{ type: 256 }] }] }, '.icmps[0].fields[0].type', /ICMP/],
  [{ ...world, icmps: [{ fields: [{ type: 'Ping' }] }] }, '.icmps[0].fields[0].type', /ICMP/],
  [{ ...world, icmps: [{ fields: [{ type: 8 }] }], toPorts: port80 }, '.icmps', /beside/],
];

test('a problem in an allowance is named, closes the direction and takes all allowances of the object with it', () => {
  for (const [rule, path, problem] of brokenRules) {
    const document = cnp({ endpointSelector: {}, ingress: [{ fromEntities: ['all'] }, rule] });
    const text = JSON.stringify(rule);
    const [found, ...more] = parsePolicy(document).problems;
    assert.equal(found?.path, `spec.ingress[1]${path}`, text);
    assert.match(found?.problem ?? '', problem, text);
    assert.deepEqual(more, [], text);
    assert.deepEqual(allowedBy([document]), ['host'], text);
    assert.deepEqual(allowedBy([document], { direction: 'egress' }), everyone, text);
  }
});

test('what is unclear in a denial denies more', () => {
  const open = cnp({ endpointSelector: {}, ingress: [{ fromEntities: ['all'] }] }, 'open');
  const denied = (rule: unknown, peer: string, port: number, protocol = 6) =>
    ask([open, cnp({ endpointSelector: {}, ingressDeny: [rule] })], peer, { port, protocol }).verdict ===
    'denied-by-rule';
  for (const [rule] of brokenRules) {
    const text = JSON.stringify(rule);
    assert.ok(denied(rule, 'world', 80) || JSON.stringify(rule).includes('icmps'), text);
  }
  // Unreadable ports: all of these peers'.
  const badPort = { ...world, toPorts: [{ ports: [{ port: '65536' }] }] };
  assert.deepEqual([denied(badPort, 'world', 9, 17), denied(badPort, 'shop/db', 80)], [true, false]);
  // Unreadable peers: everybody, on these ports.
  const badPeers = { fromEndpoints: [{ matchlabels: {} }], toPorts: port80 };
  assert.deepEqual([denied(badPeers, 'world', 80), denied(badPeers, 'world', 81)], [true, false]);
  const groups = { fromGroups: [{}], toPorts: port80 };
  assert.deepEqual([denied(groups, 'shop/db', 80), denied(groups, 'world', 81)], [true, false]);
  // What would have narrowed it: as if it were not there.
  const narrowed = { ...world, toPorts: [{ ...port80[0], rules: { http: [{}] } }] };
  assert.deepEqual([denied(narrowed, 'world', 80), denied(narrowed, 'world', 81)], [true, false]);
  const both = { ...world, fromCIDR: ['10.0.0.0/8'] };
  assert.deepEqual(
    [denied(both, 'world', 1), denied(both, '10.1.0.0/16', 1), denied(both, 'host', 1)],
    [true, true, false],
  );
  const twice = { ...world, icmps: [{ fields: [{ type: 8 }] }], toPorts: port80 };
  assert.deepEqual(
    [denied(twice, 'world', 80), denied(twice, 'world', 8, 1), denied(twice, 'world', 9, 1)],
    [true, true, false],
  );
  // An unreadable type beside a readable one: everything.
  const badType = { ...world, icmps: [{ fields: [{ type: 8 }] }, { fields: [{ type: 'Ping' }] }] };
  assert.ok(denied(badType, 'world', 9, 1));
  // An unknown field may have been either.
  assert.ok(denied({ ...world, toPort: port80 }, 'shop/db', 81));
  assert.equal(ask([open, cnp({ endpointSelector: {}, ingressDeny: 'all' })], 'world').verdict, 'denied-by-rule');
});

test('where the directions are not clear both are closed, where the endpoints are not all of them', () => {
  const rules = { ingress: [{ fromEntities: ['all'] }] };
  const web = { matchLabels: { app: 'web' } };
  const closed = (document: object): string[] =>
    ['shop/web', 'shop/db', 'bank/web'].flatMap((pod) =>
      (['ingress', 'egress'] as const)
        .filter((direction) => ask([document], 'world', { pod, direction }).verdict === 'no-rule')
        .map((direction) => `${pod} ${direction}`),
    );
  const webBoth = ['shop/web ingress', 'shop/web egress'];
  const shopBoth = [...webBoth, 'shop/db ingress', 'shop/db egress'];
  assert.deepEqual(closed(cnp({ endpointSelector: web, ...rules, ingres: [{}] })), webBoth);
  assert.deepEqual(closed(cnp({ endpointSelector: web, ...rules, enableDefaultDeny: { ingress: 'no' } })), webBoth);
  assert.deepEqual(closed(cnp({ endpointSelector: web, egress: 'none' })), ['shop/web egress']);
  assert.deepEqual(closed(cnp({ endpointSelector: web, nodeSelector: {}, ...rules })), webBoth);
  assert.deepEqual(closed(cnp({ nodeSelector: {}, ...rules })), shopBoth);
  const aboutNodes = ccnp({ nodeSelector: { matchLabels: { role: 'edge' } }, ...rules });
  assert.deepEqual(closed(aboutNodes), [], 'no pod is meant');
  assert.deepEqual(
    problemsOf(aboutNodes).map((text) => text.split(':')[0]),
    ['spec.nodeSelector'],
  );
  assert.deepEqual(closed(cnp({ endpointSelector: 'web', ...rules })), ['shop/web ingress', 'shop/db ingress']);
  assert.deepEqual(closed(cnp(rules)), ['shop/web ingress', 'shop/db ingress']);
  assert.deepEqual(closed(cnp('text')), shopBoth);
  assert.deepEqual(closed(cnp(undefined)), shopBoth);
  assert.deepEqual(closed({ ...cnp(undefined), specs: {} }), shopBoth);
  assert.deepEqual(closed({ ...cnp({ endpointSelector: web, ...rules }), spek: {} }), shopBoth);
  const described = { ...ccnp({ endpointSelector: web, ...rules }), description: 'misplaced' };
  assert.deepEqual(problemsOf(described).length, 1);
  assert.deepEqual(closed(described), ['shop/web ingress', 'bank/web ingress']);
  assert.deepEqual(closed({ ...described, specification: {} }), [...shopBoth, 'bank/web ingress', 'bank/web egress']);
  assert.deepEqual(closed(ccnp('text')), [...shopBoth, 'bank/web ingress', 'bank/web egress']);
  const unaware = cnp({ endpointSelector: web, enableDefaultDeny: { ingress: false }, ingress: [{ toPort: [] }] });
  assert.deepEqual(closed(unaware), ['shop/web ingress']);
});

test('every field of egress that is not supported is named', () => {
  for (const field of ['toServices', 'toFQDNs', 'toGroups', 'toRequires', 'toNodes']) {
    const document = cnp({ endpointSelector: {}, egress: [{ [field]: [{}] }] });
    assert.deepEqual(problemsOf(document), [`spec.egress[0].${field}: not supported`]);
    assert.deepEqual(allowedBy([document], { direction: 'egress' }), []);
    const open = cnp({ endpointSelector: {}, egress: [{ toEntities: ['all'] }] }, 'open');
    const denial = cnp({ endpointSelector: {}, egressDeny: [{ [field]: [{}] }] });
    assert.deepEqual(allowedBy([open, denial], { direction: 'egress' }), []);
  }
});

test('what is for people is not looked at', () => {
  const document = cnp({
    endpointSelector: {},
    description: 'x',
    labels: [{ key: 'a' }],
    log: { value: 'y' },
    ingress: [{}],
  });
  assert.deepEqual(problemsOf({ ...document, status: { conditions: [] } }), []);
});
