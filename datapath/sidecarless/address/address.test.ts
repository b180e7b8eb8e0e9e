import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LabError } from '../../../clusters/error.ts';
import { addressNumber, familyOf, formatAddress, numberAddress, parseAddress, wireAddress } from './address.ts';

// Text as anybody may write it, and as RFC 5952 does.
const addresses = [
  ['0.0.0.0', '0.0.0.0'],
  ['10.0.0.1', '10.0.0.1'],
  ['255.255.255.255', '255.255.255.255'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['::FFFF:a00:1', '10.0.0.1'],
  ['::', '::'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['2001:0DB8:0:0:0:0:0:0001', '2001:db8::1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['0:0:1:0:0:0:0:0', '0:0:1::'],
  ['::1:2:3:4:5:6:7', '0:1:2:3:4:5:6:7'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['0:0:3:4:5:6:7:8', '::3:4:5:6:7:8'],
  ['1:2:3:4:5:6:0:0', '1:2:3:4:5:6::'],
  ['::1.2.3.4', '::102:304'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['fe80::ff:fe00:0', 'fe80::ff:fe00:0'],
] as const;

test('an address is written in one form, whichever it was read in', () => {
  for (const [text, canonical] of addresses) assert.equal(formatAddress(parseAddress(text)), canonical, text);
});

test('the bytes are in network order, IPv4 behind ::ffff', () => {
  assert.equal(Buffer.from(parseAddress('10.1.2.3')).toString('hex'), '00000000000000000000ffff0a010203');
  assert.equal(Buffer.from(parseAddress('fd00:1::a:b')).toString('hex'), 'fd0000010000000000000000000a000b');
});

test('an address is read from where it stands', () => {
  const bytes = new Uint8Array(40);
  bytes.set(parseAddress('10.1.2.3'), 5);
  bytes.set(parseAddress('fd00::1'), 21);
  assert.equal(formatAddress(bytes, 5), '10.1.2.3');
  assert.equal(formatAddress(bytes, 21), 'fd00::1');
});

test('it agrees with Node about every pattern of zeros', () => {
  for (let pattern = 0; pattern < 256; pattern++) {
    const groups = Array.from({ length: 8 }, (_, group) => (pattern & (1 << group) ? `${group + 1}a` : '0'));
    const ours = formatAddress(parseAddress(groups.join(':')));
    assert.equal(`[${ours}]`, new URL(`http://[${groups.join(':')}]/`).hostname);
  }
});

test('an address of its own family has its bytes, and a number that gives it back', () => {
  assert.equal(Buffer.from(wireAddress('10.1.2.3')).toString('hex'), '0a010203');
  assert.equal(Buffer.from(wireAddress('::ffff:10.1.2.3')).toString('hex'), '00000000000000000000ffff0a010203');
  assert.equal(addressNumber('10.244.1.255'), 0x0af401ffn);
  assert.equal(addressNumber('fd00::5'), (0xfd00n << 112n) + 5n);
  for (const [text, canonical] of addresses) {
    const family = familyOf(text) ?? assert.fail(text);
    const expected = family === 6 && canonical.includes('.') ? `::ffff:${hexOf(canonical)}` : canonical;
    assert.equal(numberAddress(addressNumber(text), family), expected, text);
  }
});

test('an address has a family, and what is none has not', () => {
  assert.deepEqual(['10.0.0.1', 'fd00::1', '::ffff:10.0.0.1'].map(familyOf), [4, 6, 6]);
  assert.deepEqual(['', 'web', '10.0.0.0/8', 'fe80::1%eth0'].map(familyOf), [null, null, null, null]);
});

test('numbers of IPv6 are written as the platform writes addresses', () => {
  for (let seed = 1n; seed < 400n; seed++) {
    // Groups of zero and of few digits, in every arrangement.
    const bits = (seed * 0x9e3779b97f4a7c15n) ^ (seed << 5n);
    const groups = Array.from(
      { length: 8 },
      (_, index) => ((bits >> BigInt(index * 3)) & 1n) * ((bits >> 20n) & 0xffn),
    );
    const number = groups.reduce((sum, group) => sum * 65536n + group, 0n);
    const platform = new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]`).hostname;
    assert.equal(`[${numberAddress(number, 6)}]`, platform);
    assert.equal(addressNumber(numberAddress(number, 6)), number);
  }
});

test('what is no address is refused', () => {
  for (const text of [
    '',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    'fd00::1::2',
    'fd00::%eth0',
    'fe80::1%1',
    'web',
    '::g',
  ]) {
    assert.throws(
      () => parseAddress(text),
      (error) =>
        error instanceof LabError && error.code === 'LAB_ADDRESS_INVALID' && error.message.includes(`"${text}"`),
    );
  }
});

/** The two groups that an IPv4 address makes. */
function hexOf(text: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}
