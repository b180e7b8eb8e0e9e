import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cidrsOf } from '../policy/cidrs.ts';
import { parsePolicy } from '../policy/parse.ts';
import { cnp } from '../tests/test-world.ts';
import { cidrContains, coversIpv4, lastOf, parseCidr } from './cidr.ts';

const cidr = (text: string) => {
  const parsed = parseCidr(text);
  assert.ok(parsed, text);
  return parsed;
};

test('ranges are read into one notation', () => {
  for (const [text, canonical] of [
    ['10.0.0.1', '10.0.0.1/32'],
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['255.255.255.255/1', '128.0.0.0/1'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['::/0', '::/0'],
    ['FD00:0:0::1', 'fd00::1/128'],
    ['fd00:1:2:3:4:5:6:7/33', 'fd00:1::/33'],
    ['64:ff9b::192.0.2.1/120', '64:ff9b::c000:200/120'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0/128'],
  ] as const) {
    assert.equal(cidr(text).text, canonical);
  }
  for (const text of ['', 'x', '10.0.0/8', '10.0.0.0/', '10.0.0.0/08', '10.0.0.0/33', '10.0.0.0/8/8', '010.0.0.0/8']) {
    assert.equal(parseCidr(text), null, text);
  }
  for (const text of ['::/129', 'fe80::1%eth0', '::ffff:10.0.0.0/104', '::ffff:a00:1', ':::/1']) {
    assert.equal(parseCidr(text), null, text);
  }
});

test('a range has two ends', () => {
  for (const [text, length] of [
    ['10.244.1.0/24', 256n],
    ['10.0.0.1', 1n],
    ['0.0.0.0/0', 1n << 32n],
    ['fd00::/64', 1n << 64n],
  ] as const) {
    assert.equal(lastOf(cidr(text)) - cidr(text).first + 1n, length, text);
  }
});

test('one range lies in another', () => {
  assert.ok(cidrContains(cidr('10.0.0.0/8'), cidr('10.0.0.0/8')));
  assert.ok(cidrContains(cidr('10.0.0.0/8'), cidr('10.255.0.0/16')));
  assert.ok(!cidrContains(cidr('10.255.0.0/16'), cidr('10.0.0.0/8')));
  assert.ok(!cidrContains(cidr('10.0.0.0/8'), cidr('11.0.0.0/16')));
  assert.ok(!cidrContains(cidr('::/0'), cidr('10.0.0.0/8')));
  assert.ok(cidrContains(cidr('fd00::/8'), cidr('fd00:1::/32')));
});

test('ranges that need identities are those of all rules and their holes, each once', () => {
  const set = { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] };
  const { rules } = parsePolicy(
    cnp({
      endpointSelector: {},
      ingress: [{ fromCIDRSet: [set] }, { fromCIDR: ['10.1.0.0/16'] }],
      egressDeny: [{ toCIDR: ['fd00::/8'] }, { toEntities: ['world'] }],
    }),
  );
  assert.deepEqual(
    cidrsOf(rules).map(({ text }) => text),
    ['10.0.0.0/8', '10.1.0.0/16', 'fd00::/8'],
  );
});

test('a range of IPv6 in which IPv4 is mapped brings an identity for all of IPv4', () => {
  assert.deepEqual(
    ['::/0', '::/64', '::/80', '::/96', '::fffe:0:0/95', '8000::/1', 'fd00::/8', '0.0.0.0/0'].filter((text) =>
      coversIpv4(cidr(text)),
    ),
    ['::/0', '::/64', '::/80', '::fffe:0:0/95'],
  );
  const { rules } = parsePolicy(cnp({ endpointSelector: {}, ingress: [{ fromCIDR: ['::/0'] }] }));
  assert.deepEqual(
    cidrsOf(rules).map(({ text }) => text),
    ['::/0', '0.0.0.0/0'],
  );
});
