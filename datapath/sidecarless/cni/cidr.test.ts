import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressNumber, contains, formatAddress, parseCidr } from './cidr.ts';

test('addresses become numbers and come back as the kernel writes them', () => {
  const cases = [
    ['0.0.0.0', '0.0.0.0'],
    ['10.244.1.255', '10.244.1.255'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['FD00:0010:0:0:0:0:0:5', 'fd00:10::5'],
    ['fd00:10:244:1::', 'fd00:10:244:1::'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['1:0:2:0:3:0:4:0', '1:0:2:0:3:0:4:0'],
    ['1:10:0:0:20:0:0:0', '1:10:0:0:20::'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
  ] as const;
  for (const [text, expected] of cases) {
    assert.equal(formatAddress(addressNumber(text), text.includes(':') ? 6 : 4), expected, text);
  }
});

test('formatted addresses are those that the platform writes', () => {
  for (let seed = 1n; seed < 400n; seed++) {
    // Groups of zero and of few digits, in every arrangement.
    const bits = (seed * 0x9e3779b97f4a7c15n) ^ (seed << 5n);
    const groups = Array.from(
      { length: 8 },
      (_, index) => ((bits >> BigInt(index * 3)) & 1n) * ((bits >> 20n) & 0xffn),
    );
    const number = groups.reduce((sum, group) => sum * 65536n + group, 0n);
    const platform = new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]`).hostname;
    assert.equal(`[${formatAddress(number, 6)}]`, platform);
    assert.equal(addressNumber(formatAddress(number, 6)), number);
  }
});

test('a range has its ends', () => {
  const range = parseCidr('10.244.1.0/24');
  assert.deepEqual([range.family, range.last - range.first], [4, 255n]);
  assert.ok(contains(range, '10.244.1.255'));
  assert.ok(!contains(range, '10.244.2.0'));
  assert.ok(!contains(range, '::ffff:10.244.1.1'));
  assert.ok(contains(parseCidr('fd00::/64'), 'fd00::ffff:ffff:ffff:ffff'));
  assert.ok(!contains(parseCidr('fd00::/64'), 'fd00:0:0:1::'));
});

test('what is no range is refused', () => {
  for (const text of [
    '',
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.1/24',
    'fd00::/129',
    'fd00::1/64',
    'x/8',
  ]) {
    assert.throws(() => parseCidr(text), { code: 'LAB_CIDR_INVALID' }, text);
  }
});
