import assert from 'node:assert/strict';
import { test } from 'node:test';
import { numbers } from '../abi/numbers.ts';
import { uint32 } from '../abi/record.ts';
import { decode } from '../tests/struct-codec.ts';
import { testMap } from '../tests/test-map.ts';
import { Configuration, nodeConfiguration } from './configuration.ts';

const node = nodeConfiguration({ addresses: ['fd00::1', '192.0.2.1', '192.0.2.2'] }, { ifindex: 3 }, 5000);
const { CONFIG_SHORTCUT, CONFIG_MASQUERADE, CONFIG_EVENTS } = numbers.config_flag;

test('a node is configured with its first address of each family', () => {
  assert.deepEqual(node, { nodeV4: '192.0.2.1', nodeV6: 'fd00::1', uplink: 3, reportMs: 5000 });
  const ofOneFamily = nodeConfiguration({ addresses: ['192.0.2.1'] }, { ifindex: 3 }, 0);
  assert.deepEqual([ofOneFamily.nodeV4, ofOneFamily.nodeV6], ['192.0.2.1', null]);
});

test('it is written whole, once its settings are set', () => {
  const map = testMap();
  const configuration = new Configuration(map, node);
  assert.deepEqual([configuration.isSet, map.content.size], [false, 0]);
  configuration.set({ shortcut: false });
  assert.equal(configuration.isSet, true);
  const record = () => decode('config', map.lookup(uint32(0)) ?? assert.fail());
  assert.deepEqual(record(), {
    ...{ node_v4: '192.0.2.1', node_v6: 'fd00::1', uplink: 3, report_ms: 5000, epoch: 0 },
    flags: CONFIG_MASQUERADE | CONFIG_EVENTS,
  });
  configuration.set({ shortcut: true });
  assert.equal(record().flags, CONFIG_SHORTCUT | CONFIG_MASQUERADE | CONFIG_EVENTS);
});

test('epochs go on from one agent to the next', () => {
  const map = testMap();
  const before = new Configuration(map, node);
  before.set({ shortcut: true });
  before.nextEpoch();
  before.nextEpoch();
  new Configuration(map, node).nextEpoch();
  assert.equal(decode('config', map.lookup(uint32(0)) ?? assert.fail()).epoch, 3);
});

test('settings that could not be written are not set', () => {
  const map = testMap();
  map.room = 0;
  const configuration = new Configuration(map, node);
  assert.throws(() => configuration.set({ shortcut: true }), /no room/);
  assert.equal(configuration.isSet, false);
});
