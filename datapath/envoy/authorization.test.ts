import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AuthorizationPolicy, networkAuthorization, routeAuthorization } from './authorization.ts';

const policy = AuthorizationPolicy.parse({
  rules: [
    { port: 8080, from: ['generator'] },
    { port: 8081, from: ['generator', 'other'], methods: ['GET'], paths: ['/*', '/exact'] },
  ],
});

test('a rule becomes an exact SPIFFE ID, with methods and paths', () => {
  assert.deepEqual(networkAuthorization(policy, { namespace: 'n', port: 8080, statPrefix: 'inbound_8080' }), {
    name: 'rbac',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC',
      stat_prefix: 'inbound_8080.',
      rules: {
        action: 'ALLOW',
        policies: {
          'rule-0': {
            permissions: [{ any: true }],
            principals: [{ authenticated: { principal_name: { exact: 'spiffe://lab.local/ns/n/sa/generator' } } }],
          },
        },
      },
    },
  });
  const route = JSON.stringify(routeAuthorization(policy, { namespace: 'n', port: 8081 }));
  assert.match(route, /"prefix":"\/"/);
  assert.match(route, /"exact":"\/exact"/);
  assert.match(route, /":method","string_match":\{"exact":"GET"\}/);
  assert.match(route, /sa\/other/);
});

test('a port without a rule denies, and so does a connection filter for a rule that needs requests', () => {
  const denyAll = { action: 'ALLOW', policies: {} };
  const scope = { namespace: 'n', statPrefix: 'x' };
  const network = (port: number) => networkAuthorization(policy, { ...scope, port }).typed_config;
  assert.deepEqual((network(9999) as { rules: object }).rules, denyAll);
  assert.deepEqual((network(8081) as { rules: object }).rules, denyAll);
  const route = routeAuthorization(policy, { namespace: 'n', port: 9999 }).rbac as { rbac: { rules: object } };
  assert.deepEqual(route.rbac.rules, denyAll);
});

test('what a policy may not say is refused', () => {
  const rule = { port: 80, from: ['a'] };
  for (const bad of [
    { ...rule, port: 0 },
    { ...rule, from: [] },
    { ...rule, from: ['A b'] },
    { ...rule, form: ['a'] },
    { ...rule, methods: ['get'] },
    { ...rule, paths: ['/a*b'] },
    { ...rule, paths: ['no-slash'] },
  ]) {
    assert.equal(AuthorizationPolicy.safeParse({ rules: [bad] }).success, false, JSON.stringify(bad));
  }
});
