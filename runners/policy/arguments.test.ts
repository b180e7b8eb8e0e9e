import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LabError } from '../../clusters/error.ts';
import { parseEnd } from './end.ts';
import { parsePort } from './port.ts';

const refused = (message: RegExp) => (error: unknown) =>
  error instanceof LabError && error.code === 'LAB_USAGE' && error.exitCode === 2 && message.test(error.message);

test('ends are names, addresses or entities', () => {
  assert.deepEqual(parseEnd('to', 'shop/web'), { kind: 'name', namespace: 'shop', name: 'web' });
  assert.deepEqual(parseEnd('to', '10.0.0.1'), { kind: 'address', address: '10.0.0.1' });
  assert.deepEqual(parseEnd('to', 'fd00::1'), { kind: 'address', address: 'fd00::1' });
  assert.deepEqual(parseEnd('to', 'world'), { kind: 'entity', entity: 'world' });
  assert.throws(() => parseEnd('to', 'wolrd'), refused(/--to "wolrd".*did you mean "world".*NAMESPACE\/POD/));
  for (const text of ['web', 'a/b/c', '/web', 'shop/', '10.0.0.0/', 'fe80::1%eth0', '']) {
    assert.throws(() => parseEnd('from', text), refused(/--from/), text);
  }
  assert.throws(() => parseEnd('from', null), refused(/needs --from: give NAMESPACE\/POD/));
});

test('ports are numbers with a protocol', () => {
  assert.deepEqual(parsePort('80'), { port: 80, protocol: 'TCP' });
  assert.deepEqual(parsePort('53/udp'), { port: 53, protocol: 'UDP' });
  assert.deepEqual(parsePort('0/ICMP'), { port: 0, protocol: 'ICMP' });
  assert.throws(() => parsePort('80/TPC'), refused(/did you mean "TCP".*TCP, UDP, SCTP, ICMP/));
  for (const text of ['0', '65536', 'http', '-1', '1e3', '', '/TCP', '80/TCP/x', '256/ICMP']) {
    assert.throws(() => parsePort(text), refused(/--port/), text);
  }
  assert.throws(() => parsePort(null), refused(/needs --port/));
});
