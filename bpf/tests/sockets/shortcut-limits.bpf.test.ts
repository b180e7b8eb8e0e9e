import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import { SocketError } from './test-actor.ts';
import { acquainted, type Connection } from './test-connection.ts';
import { startNode, type TestNode } from './test-node.ts';

/*
 * Where a socket that takes the short-cut differs from one that does not: each test sees both. A pod that needs one of
 * these keeps out of it by its flag ENDPOINT_NO_SHORTCUT. Sockets that block are not concerned: they never take it.
 */
testInNamespaces(import.meta.filename, () => {
  let node: TestNode;

  before(async () => {
    node = await startNode('here', 'there');
  });
  after(() => node.end());

  async function connected(shortcut: boolean): Promise<Connection> {
    node.maps.configure({ shortcut });
    return acquainted({ from: node.pod('here'), to: node.pod('there') });
  }

  test('urgent data is read among the other data, and nobody is told of it', async () => {
    for (const [shortcut, polled, read] of [
      [false, ['POLLIN', 'POLLPRI'], 'before'],
      [true, ['POLLIN'], 'before!after'],
    ] as const) {
      const { client, server } = await connected(shortcut);
      await client.sendAll('before');
      await client.send('!', 'MSG_OOB');
      await client.sendAll('after');
      assert.deepEqual(await server.poll(['POLLIN', 'POLLPRI'], 5000), polled);
      assert.equal(await server.recv(), read);
      await server.setTimeout(0);
      assert.equal(await outcome(server.recv(1, 'MSG_OOB')), shortcut ? 'EAGAIN' : '!');
    }
  });

  test('splice() from the socket does not find its data, which read() does', async () => {
    for (const shortcut of [false, true]) {
      const { client, server } = await connected(shortcut);
      await client.sendAll('spliced');
      assert.deepEqual(await server.poll(['POLLIN'], 5000), ['POLLIN']);
      assert.equal(await outcome(server.call('splice_in', { size: 7 })), shortcut ? 'EAGAIN' : 'spliced');
      if (shortcut) assert.equal(await server.recv(), 'spliced');
    }
  });

  test('an end that closes with unread data ends as any other: the other one sees an end, not a reset', async () => {
    for (const [shortcut, seen] of [
      [false, 'ECONNRESET'],
      [true, ''],
    ] as const) {
      const { client, server } = await connected(shortcut);
      await client.sendAll('unread');
      assert.deepEqual(await server.poll(['POLLIN'], 5000), ['POLLIN']);
      await server.close();
      assert.ok((await client.poll(['POLLRDHUP'], 5000)).includes('POLLRDHUP'));
      assert.equal(await outcome(client.recv()), seen);
    }
  });

  test('SO_RCVLOWAT is not waited for', async () => {
    for (const [shortcut, polled] of [
      [false, []],
      [true, ['POLLIN']],
    ] as const) {
      const { client, server } = await connected(shortcut);
      await server.setOption('SOL_SOCKET', 'SO_RCVLOWAT', 10);
      await client.sendAll('few');
      assert.deepEqual(await server.poll(['POLLIN'], 100), polled);
    }
  });

  test('MSG_ZEROCOPY copies, and does not say that it is done', async () => {
    for (const [shortcut, polled] of [
      [false, ['POLLERR']],
      [true, []],
    ] as const) {
      const { client, server } = await connected(shortcut);
      const soZeroCopy = 60;
      const msgZeroCopy = 0x4000000;
      await client.setOption('SOL_SOCKET', soZeroCopy, 1);
      await client.call('send', { data: 'zero copies', flags: [msgZeroCopy] });
      assert.equal(await server.recvExactly(11), 'zero copies');
      assert.deepEqual(await client.poll([], shortcut ? 200 : 10_000), polled);
    }
  });
});

/** What a call returns, or the errno's name. */
async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error) => (error instanceof SocketError ? error.code : error));
}
