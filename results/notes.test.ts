import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare } from './comparison.ts';
import { notesOf } from './notes.ts';
import { fixtureRun } from './tests/fixture-run.ts';

test('each generator of open-loop load is said to have taken and added what it did, and no other’s share', () => {
  const run = fixtureRun({ blocks: 2 });
  const late = { pace: 0.000_001, k6: 0.000_1 } as const;
  for (const [i, testCase] of run.testCases.entries()) {
    const generator = i === 0 ? 'pace' : 'k6';
    const { measurement } = testCase;
    testCase.measurement = { ...measurement, parameters: { ...measurement.parameters, generator } };
    assert.ok(testCase.outcome.state === 'measured');
    for (const { arrivals } of testCase.outcome.blocks) if (arrivals?.lateness) arrivals.lateness.p50 = late[generator];
  }
  const said = notesOf(run, compare(run).rows).filter((note) => note.startsWith('The generator'));
  assert.equal(said.length, 2);
  assert.match(said[0] ?? '', /^The generator \(pace\) .* sent the median request 1\.00 µs after/);
  assert.match(said[1] ?? '', /^The generator \(k6\) .* sent the median request 100 µs after/);
});
