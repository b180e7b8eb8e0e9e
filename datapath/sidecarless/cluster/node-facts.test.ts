import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressFor, nodeFacts } from './node-facts.ts';

test('a node is reached by its addresses, and by nothing that is none', () => {
  const facts = nodeFacts({
    metadata: { name: 'one' },
    spec: { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24', 'fd00::/64'] },
    status: {
      addresses: [
        { type: 'InternalIP', address: 'one.example' },
        { type: 'InternalIP', address: '192.0.2.1' },
        { type: 'Hostname', address: 'one' },
        { type: 'ExternalIP', address: '203.0.113.1' },
      ],
    },
  });
  assert.deepEqual(facts, {
    ...{ name: 'one', addresses: ['192.0.2.1'], externalAddresses: ['203.0.113.1'] },
    podCidrs: ['10.0.0.0/24', 'fd00::/64'],
  });
  assert.deepEqual([addressFor(facts, '10.0.0.0/24'), addressFor(facts, 'fd00::/64')], ['192.0.2.1', null]);
});
