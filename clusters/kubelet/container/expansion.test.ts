import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expand } from './expansion.ts';

test('references are replaced, escapes kept, unknown ones left', () => {
  const variables = { A: 'one', B: '$(A)' };
  assert.equal(expand('$(A)-$$(A)-$(C)-$A-$$$(A)', variables), 'one-$(A)-$(C)-$A-$one');
  assert.equal(expand('$(B)', variables), '$(A)', 'what is put in is not expanded again');
  assert.equal(expand('$(toString) $(', variables), '$(toString) $(');
});
