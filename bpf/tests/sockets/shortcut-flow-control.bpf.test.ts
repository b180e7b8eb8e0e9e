import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exec } from '../../../clusters/exec.ts';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import { acquainted, type Connection, carriedWhile } from './test-connection.ts';
import { startNode, type TestNode } from './test-node.ts';
import type { TestPod } from './test-pod.ts';
import type { Transfer } from './test-socket.ts';

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

  for (const chunk of [100, 65_536, mebibyte]) {
    test(`where nobody reads, a sender of ${chunk} bytes at a time is stopped as without the short-cut`, async () => {
      const filled = { on: await fill(true, chunk), off: await fill(false, chunk) };
      const { unread, buffer } = filled.on.memory;
      assertBounded({ unread, buffer });
      assert.ok(filled.on.bytes <= filled.off.bytes + buffer, `${filled.on.bytes} bytes against ${filled.off.bytes}`);
    });
  }

  test('what was held up arrives, the sender goes on, and then by the short-cut', async () => {
    const { made, bytes, digest } = await fill(true, 10_000);
    const { client, server } = made;
    const writable = client.poll(['POLLOUT'], 10_000);
    const received = await server.recvDigest(bytes);
    assert.equal(received.digest, digest);
    assert.deepEqual(await writable, ['POLLOUT']);
    await client.setTimeout(60);
    // After a call that failed the kernel asks no program about the next message.
    await client.sendAll('hello');
    assert.equal(await server.recvExactly(5), 'hello');
    const { shortcut } = await carriedWhile(node, [], async () => {
      await client.sendAll('go on');
      assert.equal(await server.recvExactly(5), 'go on');
    });
    assert.equal(shortcut, 5);
  });

  test('a sender that waits, and a slow reader: the sender is as slow, and memory stays', async () => {
    node.maps.configure({ shortcut: true });
    const made = await acquainted({ from: here, to: there });
    const size = 16 * mebibyte;
    let isDone = false;
    const highest = (async () => {
      let most = 0;
      while (!isDone) {
        const { unread, buffer } = await memoryOf(made);
        assertBounded({ unread, buffer });
        most = Math.max(most, unread);
      }
      return most;
    })();
    const { shortcut } = await carriedWhile(node, [], async () => {
      const both = Promise.all([made.client.sendPattern(size, 30_000), made.server.recvDigest(size, 20_000, 0.002)]);
      const [sent, received] = await both.finally(() => {
        isDone = true;
      });
      assert.deepEqual([received.bytes, received.digest], [size, sent.digest]);
      // It ends together with the reader, but for what the buffers hold.
      assert.ok(sent.seconds > received.seconds / 2, `${sent.seconds} s of ${received.seconds} s`);
    });
    assert.ok(shortcut > 0);
    assert.ok((await highest) > 0);
  });

  test('fifty connections that nobody reads take no more of the machine’s memory than without it', async () => {
    const pages = new Map<boolean, number>();
    for (const shortcut of [false, true]) {
      const before = await tcpPages();
      const all = await Promise.all(Array.from({ length: 50 }, () => fill(shortcut, 65_536)));
      pages.set(shortcut, (await tcpPages()) - before);
      for (const { made } of all) await Promise.all([made.client.close(), made.server.close()]);
    }
    assert.ok((pages.get(true) ?? 0) <= 1.5 * (pages.get(false) ?? 0), JSON.stringify([...pages]));
  });

  /** Sends what nobody reads, until the socket takes no more and stays so. */
  async function fill(
    shortcut: boolean,
    chunk: number,
  ): Promise<{ made: Connection; bytes: number; digest: number; memory: { unread: number; buffer: number } }> {
    node.maps.configure({ shortcut });
    const made = await acquainted({ from: here, to: there });
    await made.client.setTimeout(0);
    let bytes = 0;
    let digest = 0;
    do {
      const sent = await made.client.call<Transfer>('send_pattern', {
        size: 512 * mebibyte,
        chunk,
        start: bytes,
        digest,
      });
      assert.equal(sent.error, 'EAGAIN');
      bytes += sent.bytes;
      digest = sent.digest;
    } while ((await made.client.poll(['POLLOUT'], 200)).includes('POLLOUT'));
    return { made, bytes, digest, memory: await memoryOf(made) };
  }

  /** What the kernel holds of unread data for the server's socket, and how much it may, in bytes. */
  async function memoryOf({ port }: Connection): Promise<{ unread: number; buffer: number }> {
    const { stdout } = await exec('nsenter', [`--net=${there.netns}`, 'ss', '-Htnm', `sport = :${port}`]);
    const [, unread, buffer] = /skmem:\(r(\d+),rb(\d+)/.exec(stdout) ?? [];
    return { unread: Number(unread), buffer: Number(buffer) };
  }
});

/** TCP itself goes a packet or two over the mark. */
function assertBounded({ unread, buffer }: { unread: number; buffer: number }): void {
  assert.ok(unread <= 1.5 * buffer, `${unread} bytes wait where there is room for ${buffer}`);
}

/** Memory of all TCP sockets of the machine. */
async function tcpPages(): Promise<number> {
  const { stdout } = await exec('cat', ['/proc/net/sockstat']);
  return Number(/^TCP:.* mem (\d+)$/m.exec(stdout)?.[1]);
}
