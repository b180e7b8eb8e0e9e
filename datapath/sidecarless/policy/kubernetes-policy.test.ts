import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AskOptions, ask, netpol } from '../tests/test-world.ts';
import { parsePolicy } from './parse.ts';

const everyone = ['shop/web', 'shop/db', 'bank/web', 'bank/db', 'host', 'remote-node', 'world', '10.1.0.0/16'];
const allowedBy = (document: object, options: Partial<AskOptions> = {}): string[] =>
  everyone.filter((peer) => ask([document], peer, options).verdict === 'allowed');
const letsIn = (from: unknown, peers: string[]): void => {
  const document = netpol({ podSelector: {}, ingress: [{ from }] });
  assert.deepEqual(parsePolicy(document).problems, []);
  assert.deepEqual(
    allowedBy(document).filter((peer) => peer !== 'host'),
    peers,
  );
};
const closedDirections = (spec: unknown): string[] =>
  (['ingress', 'egress'] as const).filter(
    (direction) => ask([netpol(spec)], 'world', { direction }).verdict === 'no-rule',
  );

test('the directions that a policy is about', () => {
  const podSelector = {};
  assert.deepEqual(closedDirections({ podSelector }), ['ingress']);
  assert.deepEqual(closedDirections({ podSelector, policyTypes: [] }), ['ingress']);
  assert.deepEqual(closedDirections({ podSelector, egress: [] }), ['ingress']);
  assert.deepEqual(closedDirections({ podSelector, egress: [{ ports: [{ port: 1 }] }] }), ['ingress', 'egress']);
  assert.deepEqual(closedDirections({ podSelector, policyTypes: ['Egress'] }), ['egress']);
  assert.deepEqual(closedDirections({ podSelector, policyTypes: ['Ingress', 'Egress'] }), ['ingress', 'egress']);
  // Rules of a direction that is not among them are without effect.
  const ignored = netpol({ podSelector, policyTypes: ['Ingress'], ingress: [{}], egress: [{ ports: [{ port: 1 }] }] });
  assert.deepEqual(allowedBy(ignored, { direction: 'egress', port: 2 }), everyone);
});

test('no peers are all of them, as are no ports', () => {
  letsIn(
    [],
    everyone.filter((peer) => peer !== 'host'),
  );
  const open = netpol({ podSelector: {}, ingress: [{}] });
  assert.deepEqual(allowedBy(open), everyone);
  assert.deepEqual(allowedBy(open, { protocol: 1, port: 8 }), everyone);
  const noRule = netpol({ podSelector: {}, ingress: [] });
  assert.deepEqual(allowedBy(noRule), ['host']);
});

test('peers by pods, by namespaces, by both, by addresses', () => {
  letsIn([{ podSelector: { matchLabels: { app: 'db' } } }], ['shop/db']);
  letsIn([{ podSelector: {} }], ['shop/web', 'shop/db']);
  letsIn([{ namespaceSelector: {} }], ['shop/web', 'shop/db', 'bank/web', 'bank/db']);
  letsIn([{ namespaceSelector: { matchLabels: { team: 'blue' } } }], ['bank/web', 'bank/db']);
  const notRed = { matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['red'] }] };
  letsIn([{ namespaceSelector: notRed }], ['bank/web', 'bank/db']);
  const name = { matchLabels: { 'kubernetes.io/metadata.name': 'bank' } };
  letsIn([{ namespaceSelector: name, podSelector: { matchLabels: { app: 'db' } } }], ['bank/db']);
  letsIn(
    [{ namespaceSelector: name }, { podSelector: { matchLabels: { app: 'db' } } }],
    ['shop/db', 'bank/web', 'bank/db'],
  );
  letsIn([{ ipBlock: { cidr: '10.0.0.0/8' } }], ['10.1.0.0/16']);
  letsIn([{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }], []);
  letsIn([{ ipBlock: { cidr: '0.0.0.0/0' } }], ['10.1.0.0/16']);
});

test('the subject is of the own namespace', () => {
  const web = netpol({ podSelector: { matchLabels: { app: 'web' } } });
  const closed = ['shop/web', 'shop/db', 'bank/web'].filter(
    (pod) => ask([web], 'world', { pod }).verdict === 'no-rule',
  );
  assert.deepEqual(closed, ['shop/web']);
});

test('ports: numbers, ranges, names, a whole protocol', () => {
  const open = (ports: object[], protocol: number, port: number) => {
    const document = netpol({ podSelector: {}, ingress: [{ ports }] });
    assert.deepEqual(parsePolicy(document).problems, []);
    return ask([document], 'world', { protocol, port }).verdict === 'allowed';
  };
  assert.ok(open([{ port: 80 }], 6, 80));
  assert.ok(!open([{ port: 80 }], 17, 80));
  assert.ok(open([{ port: 80, protocol: 'UDP' }], 17, 80));
  assert.ok(open([{ port: 80, endPort: 90 }], 6, 90));
  assert.ok(!open([{ port: 80, endPort: 90 }], 6, 91));
  assert.ok(open([{ protocol: 'SCTP' }], 132, 65535));
  assert.ok(!open([{ protocol: 'SCTP' }], 6, 1));
  assert.ok(open([{ port: 'http' }], 6, 8080));
  assert.ok(!open([{ port: 'dns' }], 17, 53));
  assert.ok(open([{ port: 'dns', protocol: 'UDP' }], 17, 53));
  assert.ok(!open([{ protocol: 'TCP' }], 1, 8));
});

test('a problem anywhere is named and takes every allowance with it', () => {
  const good = { from: [{ podSelector: {} }] };
  const wrong: readonly [spec: object, path: string, closed: string[]][] = [
    [{ ingress: [good, { form: [] }] }, 'spec.ingress[1].form', ['ingress']],
    [{ ingress: [good, { from: [{}] }] }, 'spec.ingress[1].from[0]', ['ingress']],
    [
      { ingress: [good, { from: [{ podSelector: { app: 'x' } }] }] },
      'spec.ingress[1].from[0].podSelector.app',
      ['ingress'],
    ],
    [{ ingress: [good, { from: null }] }, 'spec.ingress[1].from', ['ingress']],
    [
      { ingress: [good, { from: [{ namespaceSelector: { matchLabels: { a: '/' } } }] }] },
      'spec.ingress[1].from[0].namespaceSelector.matchLabels.a',
      ['ingress'],
    ],
    [
      { ingress: [good, { from: [{ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }] }] },
      'spec.ingress[1].from[0].podSelector',
      ['ingress'],
    ],
    [
      { ingress: [good, { from: [{ ipBlock: { cidr: '10.0.0.0' } }] }] },
      'spec.ingress[1].from[0].ipBlock.cidr',
      ['ingress'],
    ],
    [
      { ingress: [good, { from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['fd00::/8'] } }] }] },
      'spec.ingress[1].from[0].ipBlock.except[0]',
      ['ingress'],
    ],
    [{ ingress: [good, { ports: [{ port: 0 }] }] }, 'spec.ingress[1].ports[0].port', ['ingress']],
    [{ ingress: [good, { ports: [{ port: 'Not-A-Name' }] }] }, 'spec.ingress[1].ports[0].port', ['ingress']],
    [{ ingress: [good, { ports: [{ port: 'http', endPort: 9 }] }] }, 'spec.ingress[1].ports[0].endPort', ['ingress']],
    [{ ingress: [good, { ports: [{ port: 9, endPort: 8 }] }] }, 'spec.ingress[1].ports[0].endPort', ['ingress']],
    [{ ingress: [good, { ports: [{ protocol: 'ANY' }] }] }, 'spec.ingress[1].ports[0].protocol', ['ingress']],
    [{ ingress: [good], egress: 'all' }, 'spec.egress', ['ingress', 'egress']],
    [{ ingress: [good], policyTypes: ['Inwards'] }, 'spec.policyTypes[0]', ['ingress', 'egress']],
    [{ ingress: [good], extra: 1 }, 'spec.extra', ['ingress', 'egress']],
    [{ ingress: [good], podSelector: { matchLabels: 'x' } }, 'spec.podSelector.matchLabels', ['ingress']],
  ];
  for (const [spec, path, closed] of wrong) {
    const whole = { podSelector: {}, ...spec };
    const text = JSON.stringify(spec);
    assert.deepEqual(
      parsePolicy(netpol(whole)).problems.map((problem) => problem.path),
      [path],
      text,
    );
    assert.deepEqual(closedDirections(whole), closed, text);
    assert.equal(ask([netpol(whole)], 'shop/db').verdict, 'no-rule', text);
  }
});

test('whatever cannot be read at all closes the namespace', () => {
  for (const spec of [undefined, null, 'text', []]) {
    assert.deepEqual(closedDirections(spec), ['ingress', 'egress']);
    assert.equal(ask([netpol(spec)], 'world', { pod: 'bank/web' }).verdict, 'allowed');
  }
  const unselected = netpol({ podSelector: 'web', ingress: [{}] });
  assert.equal(ask([unselected], 'world', { pod: 'shop/db' }).verdict, 'no-rule');
  assert.equal(ask([unselected], 'world', { pod: 'bank/web' }).verdict, 'allowed');
});

test('what is no policy is refused', () => {
  for (const document of [
    null,
    {},
    { apiVersion: 'cilium.io/v1', kind: 'CiliumNetworkPolicy', metadata: { name: 'a', namespace: 'b' } },
    { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'a' } },
    { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: {} },
  ]) {
    assert.throws(() => parsePolicy(document), { code: 'LAB_POLICY_UNKNOWN' });
  }
});
