import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Changes } from './changes.ts';

test('everybody is told of each change, in the order in which they asked', () => {
  const changes = new Changes();
  const heard: string[] = [];
  const { tell } = changes;
  tell();
  changes.each(() => heard.push('first'));
  changes.each(() => heard.push('second'));
  tell();
  tell();
  assert.deepEqual(heard, ['first', 'second', 'first', 'second']);
});
