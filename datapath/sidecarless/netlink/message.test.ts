import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acknowledgementOf } from './acknowledgement.ts';
import { decodeAttributes, encodeAttributes, text, u8, u32 } from './attribute.ts';
import { internetAddress } from './internet-address.ts';
import { decodeMessages, encodeMessage } from './message.ts';

test('attributes are read as they were written, each at a multiple of four bytes', () => {
  const inner = encodeAttributes([[8, u8(1)]]);
  const bytes = encodeAttributes([
    [3, text('eth0')],
    [26, inner],
    [4, u32(1450)],
  ]);
  assert.equal(bytes.toString('hex'), '0900030065746830000000000c001a000500080001000000' + '08000400aa050000');
  const read = decodeAttributes(bytes);
  assert.deepEqual([...read.keys()], [3, 26, 4]);
  assert.deepEqual(decodeAttributes(read.get(26) ?? assert.fail()).get(8), Buffer.from([1]));
});

test('an attribute or message that is longer than what there is of it is not read', () => {
  assert.equal(decodeAttributes(Buffer.from('0900030065', 'hex')).size, 0);
  assert.equal(decodeAttributes(Buffer.from('00000300', 'hex')).size, 0);
  const message = encodeMessage({ type: 16, flags: 5, sequence: 7, body: Buffer.from('abcd') });
  assert.deepEqual(decodeMessages(message.subarray(0, -1)), []);
  assert.deepEqual(decodeMessages(Buffer.concat([message, message])).length, 2);
});

test('an acknowledgement has the error, and the words only where there are any', () => {
  const errno = Buffer.alloc(4);
  errno.writeInt32LE(-22);
  const request = Buffer.alloc(16);
  const explained = Buffer.concat([errno, request, encodeAttributes([[1, text('Nexthop has invalid gateway')]])]);
  const message = { type: 2, sequence: 1, body: explained };
  assert.deepEqual(acknowledgementOf({ ...message, flags: 0x300 }), {
    errno: 22,
    explanation: 'Nexthop has invalid gateway',
  });
  assert.deepEqual(acknowledgementOf({ ...message, flags: 0x100 }), { errno: 22, explanation: '' });
  assert.deepEqual(acknowledgementOf({ ...message, flags: 0x100, body: Buffer.alloc(20) }), {
    errno: 0,
    explanation: '',
  });
  assert.equal(acknowledgementOf({ ...message, type: 16, flags: 0 }), null);
});

test('addresses become bytes in the order of the network', () => {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const [v4, v6] = [internetAddress('10.0.1.255'), internetAddress('fd00::1')];
  assert.deepEqual([v4.family, hex(v4.bytes)], [2, '0a0001ff']);
  assert.deepEqual([v6.family, hex(v6.bytes)], [10, 'fd000000000000000000000000000001']);
});
