import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { exec } from '../../../clusters/exec.ts';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import { protocols } from '../../../datapath/sidecarless/abi/protocols.ts';
import { closeSockets } from '../../../datapath/sidecarless/services/close.ts';
import { SocketError } from './test-actor.ts';
import type { TestService } from './test-maps.ts';
import { startNode, type TestNode } from './test-node.ts';
import type { TestPod } from './test-pod.ts';
import { connectTo, type Family, listenAt, makeSocket, type TestSocket } from './test-socket.ts';

testInNamespaces(import.meta.filename, () => {
  let node: TestNode;
  let client: TestPod;
  let server: TestPod;
  let nextPort = 2000;

  before(async () => {
    node = await startNode('client', 'server', 'other');
    client = node.pod('client');
    server = node.pod('server');
  });
  after(() => node.end());

  const ways: readonly { name: string; family: Family; service: string; of: 'v4' | 'v6'; shortcut: boolean }[] = [
    { name: 'IPv4', family: 'AF_INET', service: '10.96.0.10', of: 'v4', shortcut: true },
    { name: 'IPv4 without the short-cut', family: 'AF_INET', service: '10.96.0.10', of: 'v4', shortcut: false },
    { name: 'IPv6', family: 'AF_INET6', service: 'fd00:96::10', of: 'v6', shortcut: true },
    { name: 'IPv4 in an IPv6 socket', family: 'AF_INET6', service: '::ffff:10.96.0.10', of: 'v4', shortcut: true },
  ];

  describe('a service’s backend that is gone', () => {
    for (const { name, family, service, of, shortcut } of ways) {
      for (const timeout of [null, 60]) {
        test(`by ${name}: a read that ${timeout === null ? 'blocks' : 'waits'} fails at once`, {
          // Half of what a read that waits would wait for.
          timeout: 30_000,
        }, async () => {
          node.maps.configure({ shortcut });
          const port = putService(service.replace('::ffff:', ''), of, protocols.TCP);
          const listening = await listenAt(server.actor, 'AF_INET6', '::', port);
          const socket = await makeSocket(client.actor, family);
          await socket.setTimeout(timeout);
          assert.equal((await socket.connect(service, port)).error, null);
          const served = await listening.accept();
          const waiting = rejection(socket.recv());
          await untilThread(client.actor.pid, timeout === null ? 'wait_woken' : 'poll');
          const closed = await closeSockets({ netns: client.netns, protocol: 'tcp', address: server[of], port });
          assert.equal(closed, 1);
          assert.equal(await waiting, 'ECONNABORTED');
          assert.equal(await rejection(served.recv()), 'ECONNRESET');
          assert.equal(await connections(client, port), 0);
        });
      }
    }

    test('datagrams by UDP', { timeout: 10_000 }, async () => {
      const port = putService('10.96.0.10', 'v4', protocols.UDP);
      const socket = await makeSocket(client.actor, 'AF_INET', 'SOCK_DGRAM');
      assert.equal((await socket.connect('10.96.0.10', port)).error, null);
      const waiting = rejection(socket.recv());
      const closed = await closeSockets({ netns: client.netns, protocol: 'udp', address: server.v4, port });
      assert.equal(closed, 1);
      assert.equal(await waiting, 'ECONNABORTED');
    });
  });

  test('other sockets stay: other addresses, other ports, listening ones', async () => {
    const port = nextPort++;
    const kept = [
      await established(node.pod('other'), 'v4', port),
      await established(server, 'v4', nextPort++),
      await established(server, 'v6', port),
    ];
    const closing = await established(server, 'v4', port);
    assert.equal(await closeSockets({ netns: client.netns, protocol: 'tcp', address: server.v4, port }), 1);
    assert.equal(await rejection(closing.socket.recv()), 'ECONNABORTED');
    for (const { socket, served } of kept) {
      await socket.sendAll('still');
      assert.equal(await served.recv(), 'still');
    }
    const again = await connectTo(client.actor, 'AF_INET', server.v4, port);
    await again.close();
  });

  test('by the socket’s own port, as the server’s side is known', async () => {
    const port = nextPort++;
    const { socket, served } = await established(server, 'v4', port);
    const { port: ownPort } = await socket.name();
    const side = { netns: server.netns, protocol: 'tcp', address: client.v4 } as const;
    assert.equal(await closeSockets({ ...side, port: ownPort, localPort: port + 1 }), 0);
    assert.equal(await closeSockets({ ...side, port: ownPort, localPort: port }), 1);
    assert.equal(await rejection(served.recv()), 'ECONNABORTED');
    assert.equal(await rejection(socket.recv()), 'ECONNRESET');
  });

  test('nothing to close is no error; a namespace that is gone is one', async () => {
    const what = { protocol: 'tcp', address: server.v4, port: nextPort++ } as const;
    assert.equal(await closeSockets({ netns: client.netns, ...what }), 0);
    await assert.rejects(closeSockets({ netns: '/run/netns/gone', ...what }), { code: 'LAB_EXEC_FAILED' });
  });

  function putService(address: string, of: 'v4' | 'v6', protocol: number): number {
    const port = nextPort++;
    const service: TestService = {
      id: port,
      address,
      port,
      protocol,
      backends: [{ id: port, address: server[of], port }],
    };
    node.maps.putService(service);
    return port;
  }

  async function established(
    pod: TestPod,
    of: 'v4' | 'v6',
    port: number,
  ): Promise<{ socket: TestSocket; served: TestSocket }> {
    const family = of === 'v4' ? 'AF_INET' : 'AF_INET6';
    const listening = await listenAt(pod.actor, family, pod[of], port);
    const socket = await connectTo(client.actor, family, pod[of], port);
    return { socket, served: await listening.accept() };
  }
});

/** The errno's name of a call that fails. */
async function rejection(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    (value) => `it returned ${JSON.stringify(value)}`,
    (error) => (error instanceof SocketError ? error.code : String(error)),
  );
}

/** Resolves when a thread of a process waits in a function of the kernel's whose name has `where` in it. */
async function untilThread(pid: number, where: string): Promise<void> {
  for (;;) {
    const tasks = await readdir(`/proc/${pid}/task`);
    const places = await Promise.all(tasks.map((task) => placeOf(`/proc/${pid}/task/${task}/wchan`)));
    if (places.some((place) => place.includes(where))) return;
  }
}

/** Where a thread waits; nowhere when it has ended since it was listed. */
async function placeOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return '';
    throw error;
  });
}

/** How many TCP sockets of a pod are connected to a port. */
async function connections({ netns }: TestPod, port: number): Promise<number> {
  const { stdout } = await exec('nsenter', [`--net=${netns}`, 'ss', '-Htn', `dport = :${port}`]);
  return stdout.split('\n').filter((line) => line.trim() !== '').length;
}
