import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkIdentity, ownerOfAlias } from './link-identity.ts';

test("a link's names fit the kernel, follow from its owner, and tell it", () => {
  const owners = Array.from({ length: 500 }, (_, index) => ({ containerId: `${index}`.repeat(16), ifname: 'eth0' }));
  const identities = owners.map(linkIdentity);
  for (const [index, identity] of identities.entries()) {
    assert.match(identity.hostName, /^lxc[0-9a-f]{11}$/);
    for (const mac of [identity.mac, identity.nodeMac]) assert.match(mac, /^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/);
    assert.deepEqual(ownerOfAlias(identity.alias), owners[index]);
  }
  for (const key of ['hostName', 'mac', 'nodeMac'] as const) {
    assert.equal(new Set(identities.map((identity) => identity[key])).size, owners.length);
  }
  const [owner = assert.fail()] = owners;
  assert.deepEqual(linkIdentity(owner), identities[0]);
  assert.notEqual(linkIdentity({ ...owner, ifname: 'eth1' }).hostName, identities[0]?.hostName);
});

test("others' links are not ours", () => {
  for (const alias of [
    undefined,
    '',
    'lab-sidecarless',
    'lab-sidecarless c',
    'lab-sidecarless c/',
    'x lab-sidecarless c/d',
  ]) {
    assert.equal(ownerOfAlias(alias), null);
  }
});
