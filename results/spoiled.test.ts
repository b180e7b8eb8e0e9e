import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figure, missing } from './figure.ts';
import type { Run } from './run.ts';
import { lostPassWarnings, spoiledBy, spoiledNote, type WindowFacts } from './spoiled.ts';
import { fixtureRun } from './tests/fixture-run.ts';

const quiet: WindowFacts = { seconds: 2, stealSeconds: 0.02, foreign: figure(0.05), standstillSeconds: figure(0.0065) };
const host = { cores: 2 };

test('a quiet window is sound', () => assert.equal(spoiledBy(quiet, host), null));

test('a processor that stood still, stolen time or foreign processes spoil a window, each beyond its limit', () => {
  const changes: [Partial<WindowFacts>, RegExp][] = [
    [{ standstillSeconds: figure(0.042) }, /^A processor stood still for 42\.0 ms \(at most 10\.0 ms\)\.$/],
    [{ stealSeconds: 0.24 }, /^The hypervisor took 6 % of the machine's CPU time \(at most 5 %\)\.$/],
    [{ foreign: figure(0.5) }, /^Processes that are not the lab’s used 0\.25 of a core \(at most 0\.1\)\.$/],
  ];
  for (const [change, sentence] of changes) assert.match(spoiledBy({ ...quiet, ...change }, host) ?? '', sentence);
});

test('what could not be measured spoils nothing', () => {
  const unknown = missing('the kernel does not tell');
  assert.equal(spoiledBy({ ...quiet, foreign: unknown, standstillSeconds: unknown }, host), null);
});

test('a run says how many of its windows were spoiled, and why', () => {
  const run = withSpoiled([
    [0, 'A processor stood still for 42 ms (at most 10 ms).'],
    [1, 'Processes that are not the lab’s used 0.25 of a core (at most 0.1).'],
  ]);
  Object.assign(run.idle[0] ?? {}, { spoiled: 'A processor stood still for 11 ms (at most 10 ms).' });
  assert.deepEqual(spoiledNote(run), [
    'The machine spoiled 3 of 32 windows (2 by processors that stood still, 1 by foreign processes): they are in no figure.',
  ]);
  assert.deepEqual(spoiledNote(fixtureRun()), []);
});

test('a spoiled block that was replaced is nothing to warn of, one that was not is', () => {
  const run = withSpoiled([[0, 'The hypervisor took 6 % of the machine’s CPU time (at most 5 %).']]);
  const [first] = run.testCases;
  assert.ok(first?.outcome.state === 'measured');
  assert.deepEqual(lostPassWarnings(first.outcome, run), []);
  first.outcome.blocks = first.outcome.blocks.filter(({ pass, spoiled }) => pass !== 0 || spoiled !== null);
  assert.deepEqual(lostPassWarnings(first.outcome, run), [
    'It has 9 blocks and not 10: the machine spoiled the others, and all 0 replacements were used up.',
  ]);
});

/** The first test case has these spoiled blocks too, by pass. */
function withSpoiled(spoiled: readonly [pass: number, reason: string][]): Run {
  const run = fixtureRun();
  const [first] = run.testCases;
  assert.ok(first?.outcome.state === 'measured');
  for (const [pass, reason] of spoiled) {
    const block = first.outcome.blocks.find((one) => one.pass === pass);
    assert.ok(block);
    first.outcome.blocks.push({ ...block, spoiled: reason });
    run.order[pass]?.push(first.id);
  }
  return run;
}
