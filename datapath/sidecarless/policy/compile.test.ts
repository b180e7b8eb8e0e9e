import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cnp, inputFor } from '../tests/test-world.ts';
import { compile, type PolicyEntry } from './compile.ts';
import { lookup } from './lookup.ts';
import { parsePolicy } from './parse.ts';
import { RuleTable } from './rule-table.ts';

const compiled = (...specs: object[]) => {
  const table = new RuleTable();
  const rules = specs.flatMap((spec, index) => parsePolicy(cnp(spec, `p${index}`)).rules);
  const policy = compile(inputFor('shop/web', rules, table));
  const lines = policy.entries.map(
    ({ identity, direction, protocol, port, prefixBits, deny, rule }: PolicyEntry) =>
      `${identity} ${direction} ${protocol}:${port}/${prefixBits} ${deny ? 'deny' : 'allow'} ${table.nameOf(rule)?.name ?? '-'}`,
  );
  return { policy, lines };
};
const tcp = (port: string, endPort?: number) => [{ ports: [{ port, protocol: 'TCP', ...(endPort && { endPort }) }] }];

test('without policy nothing is policed, with default deny alone only the node gets in', () => {
  assert.deepEqual(compiled().policy, { policeIngress: false, policeEgress: false, entries: [] });
  const { policy, lines } = compiled({ endpointSelector: {}, ingress: [{}], egress: [{}] });
  assert.deepEqual([policy.policeIngress, policy.policeEgress], [true, true]);
  assert.deepEqual(lines, ['1 0 0:0/0 allow local-node']);
});

test('an identity has entries only where its outcome is not everybody’s', () => {
  const { lines } = compiled({
    endpointSelector: {},
    egress: [{ toPorts: tcp('80') }, { toEndpoints: [{ matchLabels: { app: 'db' } }], toPorts: tcp('80', 81) }],
  });
  assert.deepEqual(lines, ['0 1 6:80/24 allow p0', '257 1 6:80/23 allow p0']);
});

test('a denial for everybody is cut out of what one identity is allowed, in the fewest prefixes', () => {
  const { lines } = compiled({
    endpointSelector: {},
    egress: [{ toEntities: ['host'], toPorts: tcp('80', 83) }],
    egressDeny: [{ toPorts: tcp('81') }],
  });
  assert.deepEqual(lines, ['0 1 6:81/24 deny p0', '1 1 6:80/24 allow p0', '1 1 6:82/23 allow p0']);
});

test('a denial for one identity stands beside what everybody is allowed', () => {
  const { policy, lines } = compiled({
    endpointSelector: {},
    egress: [{ toEntities: ['all'] }],
    egressDeny: [{ toEndpoints: [{ matchLabels: { app: 'db' } }] }],
  });
  assert.deepEqual(lines, ['0 1 0:0/0 allow p0', '257 1 0:0/0 deny p0']);
  const packet = { direction: 'egress', protocol: 6, port: 80 } as const;
  assert.equal(lookup(policy, { ...packet, identity: 257 }).verdict, 'denied-by-rule');
  assert.equal(lookup(policy, { ...packet, identity: 4711 }).verdict, 'allowed');
});

test('denials without default deny are policed, and the rest is allowed by nobody in particular', () => {
  const { policy, lines } = compiled({
    endpointSelector: {},
    enableDefaultDeny: { ingress: false },
    ingressDeny: [{ fromEntities: ['remote-node'] }],
  });
  assert.equal(policy.policeIngress, true);
  assert.deepEqual(lines, ['0 0 0:0/0 allow -', '6 0 0:0/0 deny p0', '7 0 0:0/0 deny p0']);
});

test('neighbours of one rule are one prefix', () => {
  const both = { ports: [{ port: '80' }, { port: '81' }].map((port) => ({ ...port, protocol: 'TCP' })) };
  const { lines } = compiled({ endpointSelector: {}, egress: [{ toPorts: [both] }] });
  assert.deepEqual(lines, ['0 1 6:80/23 allow p0']);
});

test('the node gets in unless a rule denies it', () => {
  const deny = { endpointSelector: {}, ingressDeny: [{ fromEntities: ['host'], toPorts: tcp('0') }] };
  const { policy } = compiled(deny);
  const host = { direction: 'ingress', identity: 1, port: 80 } as const;
  assert.equal(lookup(policy, { ...host, protocol: 6 }).verdict, 'denied-by-rule');
  assert.equal(lookup(policy, { ...host, protocol: 17 }).verdict, 'allowed');
});
