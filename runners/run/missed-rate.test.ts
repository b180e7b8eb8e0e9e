import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Block } from '../../results/block.ts';
import { fixtureRun } from '../../results/tests/fixture-run.ts';
import { missedRate } from './missed-rate.ts';

function blockAt(rate: number, changes: Partial<Block> = {}): Block {
  const [testCase] = fixtureRun({ blocks: 1 }).testCases;
  assert.ok(testCase?.outcome.state === 'measured');
  return { ...(testCase.outcome.blocks[0] as Block), counts: { requests: rate * 4 }, ...changes };
}

test('a block that reaches nine tenths of the rate goes on', () => {
  assert.equal(missedRate(blockAt(90)), null);
  assert.equal(missedRate(blockAt(1, { requestedRate: null, arrivals: null })), null);
});

test('one that does not says what was asked, what was reached, and what to do', () => {
  const block = blockAt(89);
  Object.assign(block.arrivals ?? {}, { dropped: 44 });
  block.errors = { ...block.errors, count: 3 };
  assert.equal(
    missedRate(block),
    '100 requests/s were asked for and 89.0 reached (89 %; of 400 arrivals 44 were dropped and 3 requests failed). ' +
      'Ask for a lower --rate, or for more --connections than 16.',
  );
});
