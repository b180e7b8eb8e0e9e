import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { exec } from '../../../clusters/exec.ts';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import type { NodeFacts } from '../cluster/node-facts.ts';
import { findUplink, routePods } from './uplink.ts';

const node = (name: string, address: string, range: string): NodeFacts => ({
  ...{ name, addresses: [address], externalAddresses: [], podCidrs: [range] },
});
const own = node('own', '192.0.2.1', '10.0.0.0/24');
const two = node('two', '192.0.2.2', '10.0.2.0/24');
const three = node('three', '192.0.2.3', '10.0.3.0/24');
const elsewhere = node('elsewhere', '198.51.100.1', '10.0.4.0/24');

testInNamespaces(import.meta.filename, () => {
  const { signal } = new AbortController();
  const routes = async (): Promise<string[]> => {
    const { stdout } = await exec('ip', ['route', 'show', 'scope', 'global']);
    return stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split(' dev ')[0] ?? '']));
  };

  before(async () => {
    await exec('ip', ['link', 'add', 'uplink', 'type', 'veth', 'peer', 'name', 'others']);
    await exec('ip', ['address', 'add', '192.0.2.1/24', 'dev', 'uplink']);
    for (const side of ['uplink', 'others']) await exec('ip', ['link', 'set', side, 'up']);
    await exec('ip', ['route', 'add', '10.9.0.0/24', 'via', '192.0.2.9']);
  });

  test('the uplink is the link that has the node’s address, and no link where none has it', async () => {
    const { name } = await findUplink(own, signal);
    assert.equal(name, 'uplink');
    await assert.rejects(findUplink(two, signal), /No link of node two has any of its addresses 192.0.2.2/);
  });

  test('other nodes’ pods are reached by way of those, until they are gone; other routes stay', async () => {
    const others = '10.9.0.0/24 via 192.0.2.9';
    await routePods(own, [own, two, three], signal);
    assert.deepEqual(await routes(), ['10.0.2.0/24 via 192.0.2.2', '10.0.3.0/24 via 192.0.2.3', others]);
    await routePods(own, [own, three], signal);
    assert.deepEqual(await routes(), ['10.0.3.0/24 via 192.0.2.3', others]);
  });

  test('a node that cannot be reached costs no other its route, and is told of', async () => {
    await assert.rejects(routePods(own, [elsewhere, own, two], signal), /ip -force -batch/);
    assert.deepEqual(await routes(), ['10.0.2.0/24 via 192.0.2.2', '10.9.0.0/24 via 192.0.2.9']);
  });
});
