import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LabError } from '../../../clusters/error.ts';
import type { FlowFilter } from '../../flow-query.ts';
import { testFlow, testReply, testTranslation } from '../tests/test-flow.ts';
import { flowFilter } from './flow-filter.ts';

const flows = {
  syn: testFlow(),
  reply: testReply(),
  drop: testFlow({ type: 2, reason: 133 }),
  denied: testFlow({ type: 3, reason: 133 }),
  translation: testTranslation(),
  dns: testFlow({ destination: '8.8.8.8', identities: [300, 2], ports: [4000, 53], protocol: 17, tcpFlags: 0 }),
  ping: testFlow({ source: '2001:db8::1', identities: [2, 301], protocol: 58, tcpFlags: 128 }),
};

function shown(filter: FlowFilter): string[] {
  const matches = flowFilter(filter);
  return Object.entries(flows).flatMap(([name, flow]) => (matches(flow) ? [name] : []));
}

test('without a filter everything is shown', () => {
  assert.deepEqual(shown({}), Object.keys(flows));
  assert.deepEqual(shown({ pods: [], verdicts: [], ports: [], protocols: [], namespaces: [] }), Object.keys(flows));
});

test('pods at either end, by name with or without namespace, or by namespace alone', () => {
  const ofClient = ['syn', 'reply', 'drop', 'denied', 'translation', 'dns'];
  for (const pod of ['default/client-1', 'client-1', 'default/', 'default/client', 'client-']) {
    assert.deepEqual(shown({ pods: [pod] }), ofClient, pod);
  }
  const ofServer = ['syn', 'reply', 'drop', 'denied', 'translation', 'ping'];
  for (const pod of ['shop/web-7d4b9-x2x8q', 'shop/web', 'web', 'web-7d4b9']) {
    assert.deepEqual(shown({ pods: [pod] }), ofServer, pod);
  }
  for (const pod of ['shop/client-1', 'we', 'web-7d4b', 'sho/', 'default/clien']) {
    assert.deepEqual(shown({ pods: [pod] }), [], pod);
  }
  assert.deepEqual(shown({ pods: ['client-1', 'web'] }), Object.keys(flows));
});

test('ends by pod, address or identity', () => {
  assert.deepEqual(shown({ from: ['shop/web'] }), ['reply']);
  assert.deepEqual(shown({ from: ['client-1'], to: ['web'] }), ['syn', 'drop', 'denied', 'translation']);
  assert.deepEqual(shown({ to: ['8.8.8.8'] }), ['dns']);
  assert.deepEqual(shown({ from: ['2001:DB8:0::1'] }), ['ping']);
  assert.deepEqual(shown({ to: ['reserved:world'] }), ['dns']);
  const inRange = {
    ...flows.dns,
    destination: { ...flows.dns.destination, identity: 1 << 24, labels: ['cidr:8.0.0.0/8', 'reserved:world'] },
  };
  assert.equal(flowFilter({ to: ['reserved:world'] })(inRange), true);
});

test('verdicts, namespaces, ports and protocols', () => {
  assert.deepEqual(shown({ verdicts: ['DROPPED'] }), ['drop', 'denied']);
  assert.deepEqual(shown({ verdicts: ['dropped', 'translated'] }), ['drop', 'denied', 'translation']);
  assert.deepEqual(shown({ namespaces: ['default'], protocols: ['udp'] }), ['dns']);
  assert.deepEqual(shown({ ports: [53, 31793] }), ['syn', 'reply', 'drop', 'denied', 'dns']);
  assert.deepEqual(shown({ protocols: ['icmp'] }), ['ping']);
  assert.deepEqual(shown({ protocols: ['ICMPv4'] }), []);
  assert.deepEqual(shown({ types: ['drop', 'trace-sock'] }), ['drop', 'translation']);
  assert.deepEqual(shown({ types: ['policy-verdict'] }), ['denied']);
  assert.deepEqual(shown({ types: ['trace'], verdicts: ['DROPPED'] }), []);
  assert.deepEqual(shown({ pods: ['client-1'], verdicts: ['FORWARDED'], ports: [8080] }), ['syn', 'reply']);
});

test('what can match nothing is refused with what can', () => {
  const refusal = (message: string, remedy: RegExp) => (error: unknown) =>
    error instanceof LabError &&
    error.code === 'LAB_FLOW_FILTER' &&
    error.exitCode === 2 &&
    error.message === message &&
    remedy.test(error.remedy ?? '');
  const refused: [FlowFilter, string, RegExp][] = [
    [{ verdicts: ['DROPED'] }, '"DROPED" is no verdict', /FORWARDED, DROPPED, TRACED, TRANSLATED/],
    [{ verdicts: ['denied'] }, '"denied" is no verdict', /DENIED is DROPPED/],
    [{ protocols: ['http'] }, '"http" is no protocol that flows have', /tcp, udp/],
    [{ protocols: ['constructor'] }, '"constructor" is no protocol that flows have', /tcp, udp/],
    [{ types: ['l7'] }, '"l7" is no type of flows', /trace, drop, policy-verdict, trace-sock/],
    [{ ports: [70000] }, '70000 is no port', /1 to 65535/],
    [{ ports: [Number.NaN] }, 'NaN is no port', /1 to 65535/],
    [{ pods: ['a/b/c'] }, '"a/b/c" names no pod', /namespace\/name/],
    [{ pods: ['/web'] }, '"/web" names no pod', /namespace\/name/],
    [{ pods: [''] }, '"" names no pod', /namespace\/name/],
    [{ from: ['reserved:wolrd'] }, '"reserved:wolrd" is no reserved identity', /reserved:world/],
  ];
  for (const [filter, message, remedy] of refused) {
    assert.throws(() => flowFilter(filter), refusal(message, remedy), message);
  }
});
