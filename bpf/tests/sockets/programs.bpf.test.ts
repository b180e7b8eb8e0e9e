import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exec } from '../../../clusters/exec.ts';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import { countRuns } from '../../../datapath/sidecarless/libbpf/program-information.ts';
import { connection } from './test-connection.ts';
import { startNode, type TestNode } from './test-node.ts';

testInNamespaces(import.meta.filename, () => {
  let node: TestNode;

  before(async () => {
    node = await startNode('client', 'server');
    // Nobody there says anything: what a link says when it comes up, IPv6's neighbours hear a second later.
    await exec('ip', ['-n', 'outside', 'link', 'set', 'eth0', 'down']);
  });
  after(() => node.end());

  test('how often programs have run is known, from when it is counted', async () => {
    const ends = { from: node.pod('client'), to: node.pod('server') };
    const uncounted = node.programs().runs();
    await connection(ends);
    assert.deepEqual(node.programs().runs(), uncounted);
    countRuns();
    const before = node.programs().runs();
    await connection(ends);
    const now = node.programs().runs();
    assert.equal(now.sl_connect4, before.sl_connect4 + 1);
    assert.equal(now.sl_connect6, before.sl_connect6);
    // Both pods' part of a handshake: SYN, its answer, ACK.
    assert.ok(now.sl_from_pod >= before.sl_from_pod + 3, `${before.sl_from_pod}, ${now.sl_from_pod}`);
    assert.ok(now.sl_sockops > before.sl_sockops);
    assert.equal(now.sl_from_net, before.sl_from_net);
  });

  test('a link that has lost its programs, or has others, is known', async () => {
    const { link, ifindex } = node.pod('client');
    const isAttached = (): boolean => node.programs().isAttached(ifindex);
    assert.equal(isAttached(), true);
    await exec('tc', ['filter', 'delete', 'dev', link, 'egress']);
    assert.equal(isAttached(), false);
    node.reload();
    assert.equal(isAttached(), true);
    await exec('tc', ['qdisc', 'delete', 'dev', link, 'clsact']);
    assert.equal(isAttached(), false);
    node.reload();
    const former = node.programs();
    node.reload();
    assert.deepEqual([former.isAttached(ifindex), isAttached()], [false, true]);
    assert.equal(node.programs().isAttached(4711), false);
  });
});
