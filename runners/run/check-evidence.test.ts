import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figure, missing } from '../../results/figure.ts';
import { checkEvidence } from './check-evidence.ts';

test('a counter that grew as expected holds, one that did not does not', () => {
  const growth = { hop: figure(50), bytes: figure(800) };
  const held = (exactly: number) =>
    checkEvidence(growth, [
      { counter: 'hop', claim: 'requests pass', exactly },
      { counter: 'bytes', claim: 'bytes pass', atLeast: 800 },
    ]).map((check) => check.held);
  assert.deepEqual(held(50), [true, true]);
  assert.deepEqual(held(49), [false, true]);
});

test('a counter that nobody expected to move must not move: the traffic took another way', () => {
  const checks = checkEvidence({ wanted: figure(50), passthrough: figure(3) }, [
    { counter: 'wanted', claim: 'it passes', exactly: 50 },
  ]);
  assert.deepEqual(
    checks.filter(({ held }) => !held).map(({ counter, measured }) => [counter, measured]),
    [['passthrough', 3]],
  );
});

test('a counter that could not be read proves nothing, whether it had to move or must not', () => {
  const why = 'the reading after it had no such counter';
  const checks = checkEvidence({ hop: missing(why), other: missing(why) }, [
    { counter: 'hop', claim: 'it passes', exactly: 0 },
    { counter: 'gone', claim: 'it passes too', atLeast: 0 },
  ]);
  assert.deepEqual(
    checks.map(({ counter, measured, unread, held }) => [counter, measured, unread, held]),
    [
      ['hop', null, why, false],
      ['gone', null, 'neither reading had such a counter', false],
      ['other', null, why, false],
    ],
  );
});

test('one counter can be held against another, which then may move', () => {
  const claims = [{ counter: 'handshakes', claim: 'each is encrypted', sameAs: 'connections' }];
  const held = (connections: number | null, handshakes: number) =>
    checkEvidence(
      { connections: connections === null ? missing('lost') : figure(connections), handshakes: figure(handshakes) },
      claims,
    ).map((check) => [check.held, check.expected]);
  assert.deepEqual(held(3, 3), [[true, 'as much as connections (3)']]);
  assert.deepEqual(held(3, 2), [[false, 'as much as connections (3)']]);
  assert.deepEqual(held(null, 0), [[false, 'as much as connections (lost)']]);
});

test('where a generator’s protocol says more than it counts, a counter lies between both ends', () => {
  const held = (hop: number) =>
    checkEvidence({ hop: figure(hop) }, [{ counter: 'hop', claim: 'all bytes pass', between: [100, 120] }]).map(
      ({ held, expected }) => [held, expected],
    );
  assert.deepEqual(held(100), [[true, '100 to 120']]);
  assert.deepEqual(held(120), [[true, '100 to 120']]);
  assert.deepEqual(held(99), [[false, '100 to 120']]);
  assert.deepEqual(held(121), [[false, '100 to 120']]);
});
