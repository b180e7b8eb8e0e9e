import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slowestTests } from './slowest.ts';

test('the slowest come first, in columns, and no more than are asked for', () => {
  const durations = [
    { file: 'a.test.ts', name: 'adds', seconds: 0.04 },
    { file: 'clusters/b.e2e.test.ts', name: 'comes up', seconds: 120 },
    { file: 'c.test.ts', name: 'waits', seconds: 3.25 },
  ];
  assert.equal(
    slowestTests(durations, 2),
    [
      'The slowest tests:',
      '  120.0 s  clusters/b.e2e.test.ts  comes up',
      '    3.3 s  c.test.ts               waits',
      '',
      '',
    ].join('\n'),
  );
});

test('where nothing took time there is no table', () => {
  assert.equal(slowestTests([], 10), '');
  assert.equal(slowestTests([{ file: 'a.test.ts', name: 'skipped', seconds: 0.049 }], 10), '');
});
