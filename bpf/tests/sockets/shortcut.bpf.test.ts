import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { exec } from '../../../clusters/exec.ts';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import { encode } from '../../../datapath/sidecarless/tests/struct-codec.ts';
import { SocketError, startActor } from './test-actor.ts';
import { acquainted, type Connection, carriedWhile, connection, type Ends } from './test-connection.ts';
import { mptcp } from './test-maps.ts';
import { startNode, type TestNode } from './test-node.ts';
import { addNamespace, type TestPod } from './test-pod.ts';
import { connectTo, listenAt, makeSocket, type TestSocket, type Transfer } from './test-socket.ts';

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

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

  const families: readonly { name: string; ends(): Ends }[] = [
    { name: 'IPv4', ends: () => ({ from: here, to: there }) },
    { name: 'IPv6', ends: () => ({ from: here, to: there, family: 'AF_INET6', address: there.v6 }) },
    {
      name: 'IPv4 in IPv6 sockets',
      ends: () => ({ from: here, to: there, family: 'AF_INET6', address: `::ffff:${there.v4}` }),
    },
  ];

  describe('which way data goes', () => {
    for (const { name, ends } of families) {
      test(`by the short-cut where it is on: ${name}`, async () => {
        node.maps.configure({ shortcut: true });
        const made = await acquainted(ends());
        const { bytes, shortcut, links } = await converse(made);
        assert.equal(shortcut, bytes);
        assert.ok(links < bytes / 100, `the links carried ${links}`);
      });

      test(`by packets where it is off: ${name}`, async () => {
        node.maps.configure({ shortcut: false });
        const made = await acquainted(ends());
        const { bytes, shortcut, links } = await converse(made);
        assert.equal(shortcut, 0);
        assert.ok(links > bytes, `the links carried ${links}`);
      });
    }

    test('it is switched off under connections, and on again', async () => {
      node.maps.configure({ shortcut: true });
      const made = await acquainted({ from: here, to: there });
      node.maps.configure({ shortcut: false });
      assert.equal((await converse(made)).shortcut, 0);
      node.maps.configure({ shortcut: true });
      const { bytes, shortcut } = await converse(made);
      assert.equal(shortcut, bytes);
    });

    test('by packets to another node, to oneself, and of a pod that takes no part', async () => {
      node.maps.configure({ shortcut: true });
      for (const ends of [
        { from: here, to: node.outside },
        { from: here, to: here },
      ]) {
        assert.equal((await converse(await acquainted(ends))).shortcut, 0);
      }
      const noShortcut = 4;
      node.setFlags(there, noShortcut);
      assert.equal((await converse(await acquainted({ from: here, to: there }))).shortcut, 0);
      node.setFlags(there, 0);
      const { bytes, shortcut } = await converse(await acquainted({ from: here, to: there }));
      assert.equal(shortcut, bytes);
    });

    test('an address does not make a pod: sockets of another network namespace take no part', async () => {
      node.maps.configure({ shortcut: true });
      const genuine = await connection({ from: here, to: there });
      assert.ok(await isAmongSockets(genuine));
      const netns = await addNamespace('impostor');
      await exec('sh', [
        '-ec',
        'for each in "$@"; do ip -n "$0" address add "$each" dev lo; done',
        'impostor',
        here.v4,
        there.v4,
      ]);
      const impostor = startActor(netns, node.cgroup);
      try {
        const listening = await listenAt(impostor, 'AF_INET', there.v4, 101);
        const client = await makeSocket(impostor, 'AF_INET');
        await client.bind(here.v4, 0);
        assert.equal((await client.connect(there.v4, 101)).error, null);
        const made = { client, server: await listening.accept(), port: 101 };
        assert.equal(await isAmongSockets(made), false);
        assert.equal((await converse(made)).shortcut, 0);
      } finally {
        await impostor.kill();
        await exec('ip', ['netns', 'delete', 'impostor']);
      }
    });

    test('by packets where either end blocks', async () => {
      node.maps.configure({ shortcut: true });
      for (const [clientTimeout, serverTimeout] of [
        [null, 60],
        [60, null],
        [null, null],
      ] as const) {
        const listening = await listenAt(there.actor, 'AF_INET', there.v4, 100, serverTimeout);
        const client = await connectTo(here.actor, 'AF_INET', there.v4, 100, clientTimeout);
        const server = await listening.accept();
        assert.equal((await converse({ client, server, port: 100 })).shortcut, 0);
        for (const socket of [client, server, listening]) await socket.close();
      }
    });

    test('an end that has begun to block gets packets', async () => {
      node.maps.configure({ shortcut: true });
      const { client, server } = await acquainted({ from: here, to: there });
      await server.setTimeout(null);
      const { shortcut } = await carried(async () => {
        const waiting = server.recv(10, 'MSG_WAITALL');
        await client.sendAll('12345');
        await client.sendAll('67890');
        assert.equal(await waiting, '1234567890');
        await server.sendAll('yes');
        assert.equal(await client.recv(), 'yes');
      });
      assert.equal(shortcut, 3);
    });

    /** 100 questions and answers, of which each is read before the next is asked. */
    /** Whether a connection's client is one of those that the short-cut can send to. */
    async function isAmongSockets({ client, port }: Connection): Promise<boolean> {
      const { address, port: own } = await client.name();
      const ends = { local: address, remote: there.v4, local_port: own, remote_port: port };
      const key = encode('socket_key', ends);
      return node.maps.open('sl_sockets').lookup(key) !== null;
    }

    async function converse({ client, server }: Connection): Promise<{
      bytes: number;
      shortcut: number;
      links: number;
    }> {
      const [question, answer] = ['q'.repeat(10_000), 'a'.repeat(30_000)];
      const rounds = 20;
      const way = await carried(async () => {
        for (let i = 0; i < rounds; i++) {
          await client.sendAll(question);
          assert.equal(await server.recvExactly(question.length), question);
          await server.sendAll(answer);
          assert.equal(await client.recvExactly(answer.length), answer);
        }
      });
      return { bytes: rounds * (question.length + answer.length), ...way };
    }
  });

  for (const shortcut of [true, false]) {
    describe(shortcut ? 'with the short-cut' : 'without it', () => {
      before(() => node.maps.configure({ shortcut }));

      test('the server speaks first', async () => {
        const { client, server } = await connection({ from: here, to: there });
        await server.sendAll('220 ready');
        assert.equal(await client.recv(), '220 ready');
        const way = await carried(async () => {
          await server.sendAll('250 go on');
          assert.equal(await client.recv(), '250 go on');
        });
        assertCarried(way, 9);
      });

      test('an end that has said all still hears all', async () => {
        for (const [first, second] of [
          ['client', 'server'],
          ['server', 'client'],
        ] as const) {
          const made = await acquainted({ from: here, to: there });
          const [quiet, talking] = [made[first], made[second]];
          const way = await carried(async () => {
            await quiet.sendAll('the question');
            await quiet.shutdown('SHUT_WR');
            assert.equal(await talking.recvExactly(1000), 'the question');
            assert.equal(await talking.recv(), '');
            // Before anything is read, and then the end: it must not overtake the data.
            await talking.sendAll('the answer');
            await talking.close();
            await closedBy(quiet);
            assert.equal(await quiet.recvExactly(1000), 'the answer');
            assert.equal(await quiet.recv(), '');
          });
          assertCarried(way, 22);
        }
      });

      test('an end that hears nothing more still says all', async () => {
        const { client, server } = await acquainted({ from: here, to: there });
        await client.shutdown('SHUT_RD');
        assert.equal(await client.recv(), '');
        await client.sendAll('one more');
        assert.equal(await server.recv(), 'one more');
      });

      test('a large transfer, and back', { timeout: 120_000 }, async () => {
        const { client, server } = await acquainted({ from: here, to: there });
        const size = 1024 * mebibyte;
        for (const [from, to] of [
          [client, server],
          [server, client],
        ] as const) {
          const way = await carried(async () => {
            assertSame(...(await Promise.all([from.sendPattern(size), to.recvDigest(size)])), size);
          });
          assert.ok(shortcut ? way.shortcut > mebibyte : way.shortcut === 0, `${way.shortcut} took the short-cut`);
          assert.ok(way.shortcut + way.links >= size, `the links carried ${way.links}`);
        }
      });

      test('both directions at the same time', async () => {
        const { client, server } = await acquainted({ from: here, to: there });
        const size = 64 * mebibyte;
        const [sent, received, sentBack, receivedBack] = await Promise.all([
          client.sendPattern(size, 100_000),
          server.recvDigest(size, 9000),
          server.sendPattern(size, 9000),
          client.recvDigest(size, 100_000),
        ]);
        assertSame(sent, received, size);
        assertSame(sentBack, receivedBack, size);
      });

      test('messages of all sizes, read in pieces of others', async () => {
        const size = 4 * mebibyte;
        for (const [chunk, piece] of [
          [1, 4096],
          [700, 300],
          [65_536, 1000],
          [mebibyte, 65_536],
          [200_000, mebibyte],
        ] as const) {
          const { client, server } = await acquainted({ from: here, to: there });
          const total = Math.min(size, chunk * 20_000);
          assertSame(
            ...(await Promise.all([client.sendPattern(total, chunk), server.recvDigest(total, piece)])),
            total,
          );
          await client.close();
          assert.equal(await server.recv(), '');
        }
      });

      test('many small messages', async () => {
        const { client, server } = await acquainted({ from: here, to: there });
        const count = 20_000;
        const total = (count / 100) * 5050;
        const [sent, received] = await Promise.all([
          client.call<Transfer>('send_small', { count }),
          server.recvDigest(total, 1000),
        ]);
        assert.equal(sent.bytes, total);
        assert.equal(received.digest, sent.digest);
      });

      test('TCP_NODELAY and TCP_CORK', async () => {
        const { client, server } = await acquainted({ from: here, to: there });
        await client.setOption('IPPROTO_TCP', 'TCP_NODELAY', 1);
        await client.sendAll('at once');
        assert.equal(await server.recv(), 'at once');
        await client.setOption('IPPROTO_TCP', 'TCP_CORK', 1);
        await client.sendAll('by');
        await client.sendAll(' and by');
        await client.setOption('IPPROTO_TCP', 'TCP_CORK', 0);
        assert.equal(await server.recvExactly(9), 'by and by');
        assert.equal(await client.send('more', 'MSG_MORE'), 4);
        await client.sendAll('over');
        assert.equal(await server.recvExactly(8), 'moreover');
      });

      test('writev, sendfile, and splice from a pipe', async () => {
        const { client, server } = await acquainted({ from: here, to: there });
        const way = await carried(async () => {
          assert.equal(await client.call('writev', { parts: ['a', 'bc', 'def'] }), 6);
          assert.equal(await server.recvExactly(6), 'abcdef');
          assert.equal(await client.call('splice_out', { data: 'from a pipe' }), 11);
          assert.equal(await server.recvExactly(11), 'from a pipe');
          const size = 20 * kibibyte;
          const digest = await client.call('sendfile', { size });
          assert.equal((await server.recvDigest(size)).digest, digest);
        });
        assertCarried(way, 6 + 11 + 20 * kibibyte);
      });

      test('MSG_PEEK, and how much is unread', async () => {
        const { client, server } = await acquainted({ from: here, to: there });
        const way = await carried(async () => {
          await client.sendAll('peeked at');
          await readable(server);
          assert.equal(await server.call('unread'), 9);
          assert.equal(await server.recv(4, 'MSG_PEEK'), 'peek');
          assert.equal(await server.recv(100, 'MSG_PEEK'), 'peeked at');
          assert.equal(await server.recv(6), 'peeked');
          assert.equal(await server.call('unread'), 3);
          assert.equal(await server.recv(), ' at');
          assert.equal(await server.call('unread'), 0);
        });
        assertCarried(way, 9);
      });

      test('poll, select and epoll say when there is something to read', async () => {
        const { client, server } = await acquainted({ from: here, to: there });
        const way = await carried(async () => {
          for (const [from, to] of [
            [client, server],
            [server, client],
          ] as const) {
            const poller = await to.call<number>('epoll');
            assert.deepEqual(await to.poll(['POLLIN', 'POLLOUT'], 0), ['POLLOUT']);
            const waiting = [to.poll(['POLLIN'], 10_000), to.call('epoll_wait', { poller, timeout_seconds: 10 })];
            await from.sendAll('one');
            assert.deepEqual(await Promise.all(waiting), [['POLLIN'], 1]);
            assert.deepEqual(await to.call('select', { timeout_seconds: 0 }), { readable: true, writable: true });
            // It tells of a change only once, and of the next one though nothing has been read.
            assert.equal(await to.call('epoll_wait', { poller, timeout_seconds: 0 }), 0);
            await from.sendAll('two');
            assert.equal(await to.call('epoll_wait', { poller, timeout_seconds: 10 }), 1);
            assert.equal(await to.recv(), 'onetwo');
            assert.deepEqual(await to.poll(['POLLIN'], 0), []);
          }
        });
        assertCarried(way, 12);
      });

      test('a socket that never waits', async () => {
        const { client, server } = await acquainted({ from: here, to: there });
        await server.setTimeout(0);
        await assertFails(server.recv(), 'EAGAIN');
        await client.sendAll('now');
        await readable(server);
        assert.equal(await server.recv(), 'now');
        await assertFails(server.recv(), 'EAGAIN');
      });

      test('blocking ones: MSG_WAITALL, SO_RCVTIMEO, SO_RCVLOWAT', async () => {
        const { client, server } = await acquainted({ from: here, to: there, timeout: null });
        const waiting = server.recv(10, 'MSG_WAITALL');
        await client.sendAll('12345');
        await client.sendAll('67890');
        assert.equal(await waiting, '1234567890');
        await server.setOption('SOL_SOCKET', 'SO_RCVTIMEO', [0, 50_000]);
        await assertFails(server.recv(), 'EAGAIN');
        await server.setOption('SOL_SOCKET', 'SO_RCVLOWAT', 4);
        await client.sendAll('low');
        assert.deepEqual(await server.poll(['POLLIN'], 50), []);
        await client.sendAll('er');
        assert.deepEqual(await server.poll(['POLLIN'], 1000), ['POLLIN']);
        assert.equal(await server.recv(), 'lower');
      });

      test('one thread reads while another one waits to send', async () => {
        const { client, server } = await acquainted({ from: here, to: there, timeout: null });
        const waiting = client.recv();
        const size = 8 * mebibyte;
        assertSame(...(await Promise.all([client.sendPattern(size), server.recvDigest(size, 65_536, 0.0005)])), size);
        await server.sendAll('done');
        assert.equal(await waiting, 'done');
      });

      test('an end that dies: the other one reads what was sent, then the end', async () => {
        for (const dying of ['client', 'server'] as const) {
          const actor = (dying === 'client' ? here : there).start();
          const from = dying === 'client' ? { ...here, actor } : here;
          const to = dying === 'server' ? { ...there, actor } : there;
          const made = await acquainted({ from, to });
          const [lost, left] = dying === 'client' ? [made.client, made.server] : [made.server, made.client];
          await lost.sendAll('last words');
          await actor.kill();
          assert.equal(await left.recvExactly(1000), 'last words');
          assert.equal(await left.recv(), '');
          await untilFails(() => left.send('are you there?'), 'EPIPE');
        }
      });

      test('data right after connect() is neither lost nor overtaken', { timeout: 120_000 }, async () => {
        const port = shortcut ? 200 : 201;
        const listening = await listenAt(there.actor, 'AF_INET6', '::', port);
        listening.begin('serve_echo');
        const [count, messages] = [3000, 5];
        const way = await carried(async () => {
          for (const [family, address] of [
            ['AF_INET', there.v4],
            ['AF_INET6', there.v6],
          ] as const) {
            const wrong = await here.actor.call('hasty', { family, address, port, count, messages });
            assert.equal(wrong, 0);
          }
        });
        if (!shortcut) assert.equal(way.shortcut, 0);
        else assert.ok(way.shortcut > 0);
      });

      test('a server that listens by MPTCP, and a client that does not', async () => {
        const port = shortcut ? 204 : 205;
        const listening = await makeSocket(there.actor, 'AF_INET', 'SOCK_STREAM', mptcp);
        await listening.bind(there.v4, port);
        await listening.listen();
        const client = await connectTo(here.actor, 'AF_INET', there.v4, port);
        const server = await listening.accept();
        const size = 4 * mebibyte;
        assertSame(...(await Promise.all([client.sendPattern(size), server.recvDigest(size)])), size);
        assertSame(...(await Promise.all([server.sendPattern(size), client.recvDigest(size)])), size);
        await client.close();
        assert.equal(await server.recv(), '');
      });

      test('data that came with the handshake is read first', async () => {
        for (const { actor } of [here, there]) await actor.call('sysctl', { name: 'net/ipv4/tcp_fastopen', value: 3 });
        const port = shortcut ? 202 : 203;
        const listening = await listenAt(there.actor, 'AF_INET', there.v4, port);
        await listening.setOption('IPPROTO_TCP', 'TCP_FASTOPEN', 16);
        // The first one only gets the cookie.
        for (let i = 0; i < 4; i++) {
          const client = await here.actor.call<number>('fast_open', { address: there.v4, port, data: 'first ' });
          await here.actor.call('sendall', { fd: client, data: 'second ' });
          const server = await listening.accept();
          await here.actor.call('sendall', { fd: client, data: 'third' });
          assert.equal(await server.recvExactly(18), 'first second third');
          await here.actor.call('close', { fd: client });
        }
      });

      function assertCarried(way: { shortcut: number }, expected: number): void {
        assert.equal(way.shortcut, shortcut ? expected : 0);
      }
    });
  }

  function carried(act: () => Promise<unknown>): Promise<{ shortcut: number; links: number }> {
    return carriedWhile(node, [here, there], act);
  }

  function assertSame(sent: Transfer, received: Transfer, size: number): void {
    assert.equal(sent.error, null);
    assert.equal(received.error, null);
    assert.deepEqual([sent.bytes, received.bytes], [size, size]);
    assert.equal(received.digest, sent.digest);
  }

  async function readable(socket: TestSocket): Promise<void> {
    assert.deepEqual(await socket.poll(['POLLIN'], 5000), ['POLLIN']);
  }

  /** Resolves when the other side's end of data has arrived. */
  async function closedBy(socket: TestSocket): Promise<void> {
    assert.ok((await socket.poll(['POLLRDHUP'], 5000)).includes('POLLRDHUP'));
  }
});

async function assertFails(promise: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(promise, (error) => error instanceof SocketError && error.code === code);
}

/** Repeats what still succeeds, until it fails. */
async function untilFails(act: () => Promise<unknown>, code: string): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    try {
      await act();
    } catch (error) {
      assert.ok(error instanceof SocketError);
      if (error.code === 'ECONNRESET') continue;
      assert.equal(error.code, code);
      return;
    }
  }
  assert.fail('it never failed');
}
