import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identify, isAlive } from './process-identity.ts';

test('a process is itself only with its own start time', async () => {
  const self = await identify(process.pid);
  assert.ok(self);
  assert.equal(await isAlive(self), true);
  assert.equal(await isAlive({ ...self, startTime: '1' }), false);
  assert.equal(await isAlive(null), false);
});
