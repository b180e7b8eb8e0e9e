import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import { protocols } from '../../../datapath/sidecarless/abi/protocols.ts';
import { acquainted, carriedWhile } from './test-connection.ts';
import { startNode, type TestNode } from './test-node.ts';
import type { TestPod } from './test-pod.ts';
import { listenAt, type TestSocket } from './test-socket.ts';

const mebibyte = 1 << 20;

testInNamespaces(import.meta.filename, () => {
  let node: TestNode;
  let here: TestPod;
  let there: TestPod;

  before(async () => {
    node = await startNode('here', 'there');
    here = node.pod('here');
    there = node.pod('there');
  });
  after(() => node.end());

  test('a connection that is open keeps its way', async () => {
    const { client, server } = await acquainted({ from: here, to: there });
    for (let i = 0; i < 5; i++) {
      await client.sendAll('unread when');
      node.reload();
      const { shortcut } = await carriedWhile(node, [], async () => {
        await client.sendAll(' it happens');
        assert.equal(await server.recvExactly(22), 'unread when it happens');
        await server.sendAll('yes');
        assert.equal(await client.recv(), 'yes');
      });
      assert.equal(shortcut, 14);
    }
  });

  test('transfers under way lose nothing', async () => {
    const made = await Promise.all(Array.from({ length: 4 }, () => acquainted({ from: here, to: there })));
    const size = 128 * mebibyte;
    let left = made.length;
    const transfers = made.map(async ({ client, server }, index) => {
      const [sent, received] = await Promise.all([
        client.sendPattern(size, 10_000 * (index + 1)),
        server.recvDigest(size),
      ]);
      left--;
      assert.deepEqual([received.bytes, received.digest], [size, sent.digest]);
    });
    let reloads = 0;
    while (left > 0) {
      node.reload();
      reloads++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(transfers);
    assert.ok(reloads > 1, `${reloads} reloads`);
  });

  test('connections that are opened meanwhile lose nothing, get their backend and then the short-cut', async () => {
    const port = 80;
    const service = { id: 1, address: '10.96.0.10', port, protocol: protocols.TCP };
    node.maps.putService({ ...service, backends: [{ id: 1, address: there.v4, port }] });
    const listening: TestSocket = await listenAt(there.actor, 'AF_INET', there.v4, port);
    listening.begin('serve_echo');
    const before = node.maps.connects(service.id);
    const [count, messages] = [2000, 3];
    let isDone = false;
    const { shortcut } = await carriedWhile(node, [], async () => {
      const hasty = here.actor
        .call('hasty', { family: 'AF_INET', address: service.address, port, count, messages })
        .finally(() => {
          isDone = true;
        });
      while (!isDone) {
        node.reload();
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(await hasty, 0);
    });
    assert.ok(shortcut > 0);
    assert.equal(node.maps.connects(service.id), before + count);
  });
});
