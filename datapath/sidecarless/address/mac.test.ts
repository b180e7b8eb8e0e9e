import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatMac, macBytes } from './mac.ts';

test('a link address is read and written', () => {
  assert.deepEqual(macBytes('02:00:0a:00:ff:01'), Uint8Array.of(2, 0, 10, 0, 255, 1));
  assert.equal(formatMac(macBytes('02:00:0a:00:ff:01')), '02:00:0a:00:ff:01');
});
