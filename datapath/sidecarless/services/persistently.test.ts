import assert from 'node:assert/strict';
import { test } from 'node:test';
import { persistently } from './persistently.ts';

test('what fails is done again until it succeeds, or something newer is done', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  t.mock.method(process.stderr, 'write', () => true);
  const done: string[] = [];
  const failing = (name: string, times: number) => {
    let left = times;
    return () => {
      done.push(left > 0 ? `${name} fails` : name);
      if (left-- > 0) throw new Error('full');
    };
  };
  const write = persistently('a service', new AbortController().signal);
  write('one', failing('first', 2));
  write('two', failing('other', 1));
  t.mock.timers.tick(1000);
  write('one', failing('newer', 0));
  t.mock.timers.tick(10_000);
  assert.deepEqual(done, ['first fails', 'other fails', 'first fails', 'other', 'newer']);
});
