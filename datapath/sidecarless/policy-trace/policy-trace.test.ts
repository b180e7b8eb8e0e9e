import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PolicyAnswer } from '../../policy-question.ts';
import { endpointRecord } from '../abi/endpoint.ts';
import { ipcacheRecord } from '../abi/ipcache.ts';
import { numbers } from '../abi/numbers.ts';
import { policyRecord } from '../abi/policy.ts';
import { formatAddress } from '../address/address.ts';
import type { BpfMap } from '../libbpf/map.ts';
import { type CompiledPolicy, compile, type PolicyEntry } from '../policy/compile.ts';
import { longest } from '../policy/lookup.ts';
import { parsePolicy } from '../policy/parse.ts';
import { RuleTable } from '../policy/rule-table.ts';
import { decode } from '../tests/struct-codec.ts';
import { cnp, inputFor, podOf } from '../tests/test-world.ts';
import { readTraceQuery, type TraceSources, tracePolicy } from './policy-trace.ts';

/** `shop/web` at 10.0.0.1 on a node that knows `shop/db` at 10.0.0.2, and what of its policy is in the kernel. */
function traced(
  spec: object,
  peer: string,
  port: string,
  inKernel: (policy: CompiledPolicy) => CompiledPolicy = same,
): PolicyAnswer {
  const table = new RuleTable();
  const parsed = parsePolicy(cnp(spec));
  const policy = compile(inputFor('shop/web', parsed.rules, table));
  const written = inKernel(policy);
  const { ENDPOINT_POLICE_INGRESS, ENDPOINT_POLICE_EGRESS } = numbers.endpoint_flag;
  const flags =
    (written.policeIngress ? ENDPOINT_POLICE_INGRESS : 0) | (written.policeEgress ? ENDPOINT_POLICE_EGRESS : 0);
  const mac = '02:00:00:00:00:01';
  const record = endpointRecord({
    id: 7,
    ifindex: 7,
    identity: numbers.identity.IDENTITY_FIRST_POD,
    flags,
    netns: 0n,
    mac,
    nodeMac: mac,
  });
  const db = podOf('shop/db');
  const mapOf = (lookup: BpfMap['lookup']): BpfMap => ({ lookup }) as BpfMap;
  const sources = {
    datapath: {
      endpoints: mapOf((key) => (formatAddress(key) === '10.0.0.1' ? record : null)),
      ipcache: mapOf((key) => (decode('ipcache_key', key).addr === '10.0.0.2' ? ipcacheRecord(db.id, 0, null) : null)),
    },
    endpoints: new Map([
      [
        'sandbox',
        {
          id: 7,
          link: { addresses: ['10.0.0.1'] },
          pod: { namespace: 'shop', name: 'web', labels: podOf('shop/web').labels },
          policy,
          lookup: (key: Uint8Array) => lookUp(written.entries, key),
        },
      ],
    ]),
    identities: { labelsOf: (id: number) => (id === db.id ? db.labels : null) },
    state: { policies: () => [parsed], rules: () => parsed.rules },
    table,
  } as unknown as TraceSources;
  const query = { namespace: 'shop', pod: 'web', direction: 'egress', peer, protocol: 'TCP', port };
  return tracePolicy(readTraceQuery(new URLSearchParams(query)), sources);
}

const same = (policy: CompiledPolicy): CompiledPolicy => policy;

/** As the kernel's trie does. */
function lookUp(entries: readonly PolicyEntry[], key: Uint8Array): Uint8Array | null {
  const { identity, direction: number, protocol, port } = decode('policy_key', key);
  const direction = number === numbers.direction.INGRESS ? 'ingress' : 'egress';
  const packet = { identity, direction, protocol, port } as const;
  const found = longest(entries, packet);
  return found === undefined ? null : policyRecord(found);
}

const tcp = (port: string) => [{ ports: [{ port, protocol: 'TCP' }] }];
const spec = {
  endpointSelector: { matchLabels: { app: 'web' } },
  egress: [{ toEndpoints: [{ matchLabels: { app: 'db' } }], toPorts: tcp('5432') }],
  egressDeny: [{ toEntities: ['world'], toPorts: tcp('25') }],
};

test('the rule that decides, and in which entry', () => {
  const answer = traced(spec, '10.0.0.2', '5432');
  assert.deepEqual(
    [answer.verdict, answer.decidedBy, answer.rule?.path, answer.disagreement, answer.source],
    ['allowed', 'rule', 'spec.egress[0]', null, 'the entry for identity 257 in the map of endpoint 7'],
  );
  assert.equal(answer.peer.name, 'ID:257');
  assert.ok(answer.peer.labels.includes('k8s:app=db'));
  const mail = traced(spec, '192.0.2.1', '25');
  assert.deepEqual([mail.verdict, mail.rule?.path, mail.peer.name], ['denied', 'spec.egressDeny[0]', 'world']);
  const other = traced(spec, 'world', '443');
  assert.deepEqual([other.verdict, other.decidedBy, other.rule], ['denied', 'default-deny', null]);
  assert.deepEqual(other.selectedBy, [{ kind: 'CiliumNetworkPolicy', namespace: 'shop', name: 'p', problems: [] }]);
});

test('the kernel decides, and what it should have done is said', () => {
  const lost = traced(spec, '10.0.0.2', '5432', (policy) => ({ ...policy, entries: [] }));
  assert.equal(lost.verdict, 'denied');
  assert.equal(
    lost.disagreement,
    "the kernel's maps say no-rule, and the policy that they were written from allowed by CiliumNetworkPolicy shop/p spec.egress[0]",
  );
  const open = traced(spec, '192.0.2.1', '25', (policy) => ({ ...policy, policeEgress: false }));
  assert.equal(open.verdict, 'allowed');
  assert.match(open.disagreement ?? '', /kernel's maps say allowed, .* denied-by-rule by .*egressDeny\[0\]/);
});

test('what is asked wrongly is refused', () => {
  const good = { namespace: 'a', pod: 'b', direction: 'egress', peer: 'world', protocol: 'TCP', port: '80' };
  for (const wrong of [{ peer: 'moon' }, { port: '70000' }, { protocol: 'http' }, { direction: 'up' }, { pod: '' }]) {
    const query = new URLSearchParams({ ...good, ...wrong });
    assert.throws(() => readTraceQuery(query), { code: 'LAB_TRACE_QUERY', exitCode: 2 }, JSON.stringify(wrong));
  }
  assert.throws(() => traced(spec, '10.0.0.2:80', '80'), { code: 'LAB_TRACE_QUERY' });
});
