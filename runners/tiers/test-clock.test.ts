import assert from 'node:assert/strict';
import { test } from 'node:test';
import { besidesTests, type EndedTest, TestClock } from './test-clock.ts';

const ended = (
  name: string,
  nesting: number,
  seconds: number,
  { type = 'test', file = 'a.test.ts' } = {},
): EndedTest => ({
  name,
  nesting,
  file: `/repository/runners/${file}`,
  details: { type, duration_ms: seconds * 1000 },
});

test('a test counts once, with the time of its own, and what is in no test is told apart', () => {
  const clock = new TestClock('/repository');
  clock.ended(ended('inner', 1, 2));
  clock.ended(ended('outer', 0, 2.5));
  clock.ended(ended('alone', 0, 1));
  clock.ended(ended('in a suite', 1, 4));
  clock.ended(ended('a suite', 0, 9, { type: 'suite' }));
  clock.fileEnded('/repository/runners/a.test.ts', 20_000);
  assert.deepEqual(clock.durations, [
    { file: 'runners/a.test.ts', name: 'inner', seconds: 2 },
    { file: 'runners/a.test.ts', name: 'alone', seconds: 1 },
    { file: 'runners/a.test.ts', name: 'in a suite', seconds: 4 },
    { file: 'runners/a.test.ts', name: besidesTests, seconds: 13 },
  ]);
});

test('tests that ran side by side leave no time that nobody took', () => {
  const clock = new TestClock('/repository');
  for (const name of ['one', 'other']) clock.ended(ended(name, 0, 3));
  clock.fileEnded('/repository/runners/a.test.ts', 3100);
  assert.equal(clock.durations.at(-1)?.seconds, 0);
});

test('a test that another file declares is that of the file whose process ran it', () => {
  const clock = new TestClock('/repository');
  clock.ended(ended('in namespaces', 0, 5, { file: 'namespaces.ts' }));
  clock.fileEnded('/repository/runners/a.test.ts', 6000);
  clock.ended(ended('of two files', 0, 5, { file: 'b.test.ts' }));
  assert.deepEqual(clock.durations, [
    { file: 'runners/a.test.ts', name: 'in namespaces', seconds: 5 },
    { file: 'runners/a.test.ts', name: besidesTests, seconds: 1 },
    { file: 'runners/b.test.ts', name: 'of two files', seconds: 5 },
  ]);
});

test('tests that a file ran in another process count in place of the one that stands for them', () => {
  const clock = new TestClock('/repository');
  clock.ended(ended('in namespaces', 0, 50, { file: 'namespaces.ts' }));
  clock.fileEnded('/repository/runners/together.ts', 60_000, [
    ended('one', 1, 20, { file: 'b.test.ts' }),
    ended('b', 0, 21, { file: 'together.ts', type: 'suite' }),
    ended('another', 1, 15, { file: 'c.test.ts' }),
  ]);
  assert.deepEqual(clock.durations, [
    { file: 'runners/b.test.ts', name: 'one', seconds: 20 },
    { file: 'runners/c.test.ts', name: 'another', seconds: 15 },
    { file: 'runners/together.ts', name: besidesTests, seconds: 25 },
  ]);
});
