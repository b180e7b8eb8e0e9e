import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkEvidence, growthOf } from './check-evidence.ts';

test('a counter that grew as expected holds, one that did not does not', () => {
  const growth = growthOf({ hop: 10, bytes: 100 }, { hop: 60, bytes: 900 });
  const held = (exactly: number) =>
    checkEvidence(growth, [
      { counter: 'hop', claim: 'requests pass', exactly },
      { counter: 'bytes', claim: 'bytes pass', atLeast: 800 },
    ]).map((check) => check.held);
  assert.deepEqual(held(50), [true, true]);
  assert.deepEqual(held(49), [false, true]);
});

test('a counter that nobody expected to move must not move: the traffic took another way', () => {
  const checks = checkEvidence({ wanted: 50, passthrough: 3 }, [
    { counter: 'wanted', claim: 'it passes', exactly: 50 },
  ]);
  assert.deepEqual(
    checks.filter(({ held }) => !held).map(({ counter, measured }) => [counter, measured]),
    [['passthrough', 3]],
  );
});

test('a counter that could not be read proves nothing', () => {
  const growth = growthOf({}, { hop: 50 });
  const [check] = checkEvidence(growth, [{ counter: 'hop', claim: 'it passes', exactly: 50 }]);
  assert.equal(check?.measured, null);
  assert.equal(check?.held, false);
});

test('where a generator’s protocol says more than it counts, a counter lies between both ends', () => {
  const held = (hop: number) =>
    checkEvidence({ hop }, [{ counter: 'hop', claim: 'all bytes pass', between: [100, 120] }]).map(
      ({ held, expected }) => [held, expected],
    );
  assert.deepEqual(held(100), [[true, '100 to 120']]);
  assert.deepEqual(held(120), [[true, '100 to 120']]);
  assert.deepEqual(held(99), [[false, '100 to 120']]);
  assert.deepEqual(held(121), [[false, '100 to 120']]);
});
