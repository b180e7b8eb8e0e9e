import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertGolden } from './golden.ts';
import { parsePorts, redirectRules } from './redirect-rules.ts';

test('the rule set is the golden one', () => {
  assertGolden('redirect.rules', redirectRules());
});

test('excluded ports return before everything else is redirected', () => {
  const lines = redirectRules([8079, 8089]).split('\n');
  const at = (rule: string): number => {
    const index = lines.indexOf(rule);
    assert.notEqual(index, -1, rule);
    return index;
  };
  const redirected = at('-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT');
  for (const port of [8079, 8089]) {
    assert.ok(at(`-A ISTIO_INBOUND -p tcp -m tcp --dport ${port} -j RETURN`) < redirected);
  }
  assert.equal(lines.length, redirectRules().split('\n').length + 2);
});

test('a list of ports is numbers and nothing else', () => {
  assert.deepEqual(parsePorts(undefined), []);
  assert.deepEqual(parsePorts(' 8079, 8089,'), [8079, 8089]);
  for (const bad of ['x', '0', '65536', '80 -j ACCEPT', '8079;8089', '1e3']) {
    assert.throws(() => parsePorts(bad), { code: 'LAB_ANNOTATION_INVALID' }, bad);
  }
});
