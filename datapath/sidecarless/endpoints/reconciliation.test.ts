import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Endpoint } from './endpoint.ts';
import { reconciliation } from './reconciliation.ts';

const endpoint = { pod: { namespace: 'shop', name: 'web' } } as Endpoint;

/** A reconciler that does as it is told, and what is told of it. */
function world() {
  const outcomes: (Map<Endpoint, Error> | Error)[] = [];
  const told: boolean[] = [];
  let waiting: (() => void) | null = null;
  const reconciler = {
    reconcile(): Map<Endpoint, Error> {
      const outcome = outcomes.shift() ?? new Map<Endpoint, Error>();
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
  };
  const onReconciled = (succeeded: boolean): void => {
    told.push(succeeded);
    waiting?.();
  };
  /** Resolves at the next reconciliation. */
  const next = (): Promise<void> =>
    new Promise((resolve) => {
      waiting = resolve;
    });
  return { ...reconciliation(reconciler, onReconciled, 1), outcomes, told, next };
}

test('nothing is written before it has begun, and then at once', async () => {
  const { soon, begin, told } = world();
  soon();
  await turn();
  assert.deepEqual(told, []);
  begin();
  await turn();
  assert.deepEqual(told, [true]);
});

test('many changes are written once, and the next ones once more', async () => {
  const { soon, begin, told } = world();
  begin();
  soon();
  soon();
  await turn();
  assert.deepEqual(told, [true]);
  soon();
  await turn();
  assert.deepEqual(told, [true, true]);
});

test('what could not be written is tried again, whoever asked', async () => {
  const { now, begin, outcomes, told, next } = world();
  outcomes.push(new Error('no room'), new Map([[endpoint, new Error('no room')]]));
  begin();
  await next();
  await next();
  await next();
  assert.deepEqual(told, [false, false, true]);
  outcomes.push(new Map([[endpoint, new Error('no room')]]));
  assert.equal(now().size, 1);
  await next();
  assert.deepEqual(told, [false, false, true, false, true]);
});

test('who writes now hears that addresses could not be', () => {
  const { now, outcomes, told } = world();
  outcomes.push(new Error('no room'));
  assert.throws(now, /no room/);
  assert.deepEqual(told, [false]);
});
