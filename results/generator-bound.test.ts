import assert from 'node:assert/strict';
import { test } from 'node:test';
import { doubledGain, generatorBoundWarning, isGeneratorBound } from './generator-bound.ts';
import { random } from './random.ts';
import { compare } from './rows.ts';
import type { Run } from './run.ts';
import { fixtureRun } from './tests/fixture-run.ts';
import { warnings } from './validity.ts';

/** A run whose sidecar does so many times as much with twice the connections, as blocks of a shared machine scatter. */
function runWith(gain: number | null, { blocks = 10 }: { blocks?: number } = {}): Run {
  const run = fixtureRun({ blocks });
  const source = random(3);
  for (const block of sidecarOf(run).blocks) {
    const rate = (block.counts.requests ?? 0) / block.windowSeconds;
    block.doubledRate = gain === null ? null : rate * gain * Math.exp(0.01 * source.normal());
  }
  return run;
}

function sidecarOf(run: Run) {
  const outcome = run.testCases[1]?.outcome;
  assert.ok(outcome?.state === 'measured');
  return outcome;
}

function boundOf(run: Run): boolean | null {
  return isGeneratorBound(doubledGain(sidecarOf(run).blocks, { work: 'requests' }, 1));
}

test('a rate that twice the connections raise by more than 3 % is the generator’s limit, and every row says so', () => {
  const run = runWith(1.1);
  assert.equal(boundOf(run), true);
  const rows = compare(run).rows.filter(({ dataPlane }) => dataPlane === 'sidecar');
  assert.ok(rows.length > 0 && rows.every(({ generatorBound, valid }) => generatorBound === true && valid));
  const [, testCase] = run.testCases;
  assert.ok(testCase !== undefined);
  assert.match(warnings(testCase, run).join(' '), /^Generator-bound: with twice the connections the rate is 1\.1\d?×/);
});

test('one that they do not raise by that much is the data plane’s own', () => {
  for (const gain of [0.8, 1, 1.02]) assert.equal(boundOf(runWith(gain)), false, `${gain}`);
  assert.equal(generatorBoundWarning(doubledGain(sidecarOf(runWith(1)).blocks, { work: 'requests' }, 1)), null);
});

test('where it was not tried, or in one block alone, nobody knows: only the second is said', () => {
  assert.equal(boundOf(runWith(null)), null);
  assert.equal(generatorBoundWarning(null), null);
  const once = runWith(1.5, { blocks: 1 });
  assert.equal(boundOf(once), null);
  assert.match(
    generatorBoundWarning(doubledGain(sidecarOf(once).blocks, { work: 'requests' }, 1)) ?? '',
    /is not known: too few blocks/,
  );
});
