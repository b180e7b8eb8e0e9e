import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timestamp } from './timestamp.ts';

test('nanoseconds are kept', () => {
  assert.equal(timestamp(0n), '1970-01-01T00:00:00.000000000Z');
  assert.equal(timestamp(1_795_298_400_000_000_007n), '2026-11-21T22:00:00.000000007Z');
  assert.equal(timestamp(1_795_298_400_999_999_999n), '2026-11-21T22:00:00.999999999Z');
});
