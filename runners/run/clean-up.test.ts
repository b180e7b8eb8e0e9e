import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withCleanUp } from './clean-up.ts';

const [lost, busy] = [new Error('the run could not be stored'), new Error('the cgroup is busy')];
const fail = (error: Error) => (): Promise<never> => Promise.reject(error);

test('what is cleaned up is cleaned up after the work, whatever becomes of that', async () => {
  const steps: string[] = [];
  const work = async (): Promise<number> => steps.push('work');
  const cleanUp = async (): Promise<void> => void steps.push('clean up');
  assert.equal(await withCleanUp(work, cleanUp, assert.fail), 1);
  await assert.rejects(withCleanUp(fail(lost), cleanUp, assert.fail), lost);
  assert.deepEqual(steps, ['work', 'clean up', 'clean up']);
});

test('a clean-up that fails is an error, but never in the place of the work’s', async () => {
  await assert.rejects(
    withCleanUp(async () => 0, fail(busy), assert.fail),
    busy,
  );
  const told: Error[] = [];
  await assert.rejects(
    withCleanUp(fail(lost), fail(busy), (error) => told.push(error)),
    lost,
  );
  assert.deepEqual(told, [busy]);
});
