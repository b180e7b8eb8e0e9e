import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Termination } from './termination.ts';

test('a later request shortens the grace period and never lengthens it', async () => {
  const termination = new Termination();
  assert.equal(termination.requested, false);
  termination.request(60);
  const waiting = termination.within(new Promise(() => undefined));
  termination.request(90);
  assert.ok(termination.remainingMs <= 60_000);
  const began = Date.now();
  termination.request(0.05);
  assert.equal(await waiting, false);
  assert.ok(Date.now() - began < 30_000);
  assert.equal(termination.signal.aborted, true);
});

test('what is over in time is', async () => {
  const termination = new Termination();
  termination.request(60);
  assert.equal(await termination.within(Promise.resolve()), true);
});
