import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assignmentsFlag } from './assignments-flag.ts';

const { schema } = assignmentsFlag('values');

test('values of parameters are read by name: numbers, words, switches, one or several', () => {
  assert.deepEqual(schema.parse('services=0,5000; generator=flood;keep=true'), {
    services: [0, 5000],
    generator: ['flood'],
    keep: [true],
  });
  assert.equal(schema.parse(undefined), null);
});

for (const text of [
  'services',
  'services=',
  '=1',
  'services=1,,2',
  'services=1 connections=2',
  'streams=1;streams=4',
  '',
]) {
  test(`"${text}" is refused`, () => {
    assert.equal(schema.safeParse(text).success, false);
  });
}
