import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import { numbers } from '../../../datapath/sidecarless/abi/numbers.ts';
import { protocols } from '../../../datapath/sidecarless/abi/protocols.ts';
import { decode, encode } from '../../../datapath/sidecarless/tests/struct-codec.ts';
import { type Actor, SocketError, startActor } from './test-actor.ts';
import { type Capture, capture } from './test-capture.ts';
import { mptcp, type TestService } from './test-maps.ts';
import { startNode, type TestNode } from './test-node.ts';
import type { TestPod } from './test-pod.ts';
import { connectTo, type Family, listenAt, makeSocket, type Place, type TestSocket } from './test-socket.ts';

const vips = { v4: '10.96.0.10', v6: 'fd00:96::10' } as const;

/** How a program may ask for a service, and what it is told of addresses then. */
const ways: readonly { name: string; family: Family; of: 'v4' | 'v6'; prefix: string }[] = [
  { name: 'IPv4', family: 'AF_INET', of: 'v4', prefix: '' },
  { name: 'IPv6', family: 'AF_INET6', of: 'v6', prefix: '' },
  { name: 'IPv4 in an IPv6 socket', family: 'AF_INET6', of: 'v4', prefix: '::ffff:' },
];

testInNamespaces(import.meta.filename, () => {
  let node: TestNode;
  let client: TestPod;
  let server: TestPod;
  let nextId = 1;
  let nextPort = 1000;

  before(async () => {
    node = await startNode('client', 'server', 'other');
    client = node.pod('client');
    server = node.pod('server');
  });
  after(() => node.end());
  beforeEach(() => void node.events());

  /** A service at a port of its own whose backends are at that port of pods. */
  function serviceOf(
    pods: readonly TestPod[],
    {
      of = 'v4',
      protocol = protocols.TCP,
      affinitySeconds = 0,
    }: Partial<{ of: 'v4' | 'v6'; protocol: number; affinitySeconds: number }> = {},
  ): TestService {
    const port = nextPort++;
    const backends = pods.map((pod) => ({ id: nextId++, address: pod[of], port }));
    const service = { id: nextId++, address: vips[of], port, protocol, affinitySeconds, backends };
    node.maps.putService(service);
    return service;
  }

  /** The translations that were told of, each as what was asked for and what was got. */
  function translations(): string[] {
    return node
      .events()
      .filter(({ type }) => type === 'translation')
      .map(
        ({ translation, destination, destinationPort }) =>
          `${translation?.service} ${translation?.servicePort} > ${destination} ${destinationPort}`,
      );
  }

  function translationOf({ address, port }: TestService, pod: TestPod): string {
    return `${address} ${port} > ${address === vips.v4 ? pod.v4 : pod.v6} ${port}`;
  }

  /** Servers that tell their name to every connection. */
  async function namedServers(pods: readonly TestPod[], port: number): Promise<void> {
    for (const { name, actor } of pods) {
      const socket = await listenAt(actor, 'AF_INET6', '::', port);
      socket.begin('serve_name', { name });
    }
  }

  async function connectedName(actor: Actor, { address, port }: TestService): Promise<string> {
    const socket = await connectTo(actor, 'AF_INET', address, port);
    try {
      return await socket.recv();
    } finally {
      await socket.close();
    }
  }

  describe('TCP', () => {
    for (const { name, family, of, prefix } of ways) {
      for (const where of ['the same node', 'another node'] as const) {
        test(`by ${name} to ${where}: the socket is connected to a backend and says that it is the service`, async () => {
          const backend = where === 'the same node' ? server : node.outside;
          const service = serviceOf([backend], { of });
          const listening = await listenAt(backend.actor, 'AF_INET6', '::', service.port);
          const socket = await connectTo(client.actor, family, `${prefix}${service.address}`, service.port);
          const served = await listening.accept();
          assert.deepEqual(await socket.peerName(), { address: `${prefix}${service.address}`, port: service.port });
          assert.equal(served.peer.address, of === 'v4' ? `::ffff:${client.v4}` : client.v6);
          await socket.sendAll('question');
          assert.equal(await served.recv(), 'question');
          await served.sendAll('answer');
          assert.equal(await socket.recv(), 'answer');
          assert.deepEqual(translations(), [translationOf(service, backend)]);
          assert.equal(node.maps.connects(service.id), 1);
        });
      }
    }

    test('of a pod to itself', async () => {
      const service = serviceOf([client]);
      const listening = await listenAt(client.actor, 'AF_INET', '0.0.0.0', service.port);
      const socket = await connectTo(client.actor, 'AF_INET', service.address, service.port);
      const served = await listening.accept();
      assert.equal(served.peer.address, client.v4);
      assert.deepEqual(await socket.peerName(), { address: service.address, port: service.port });
      await socket.sendAll('to myself');
      assert.equal(await served.recv(), 'to myself');
      assert.deepEqual(translations(), [translationOf(service, client)]);
    });

    test('by MPTCP it is connected too, but says that it is the backend', async () => {
      const service = serviceOf([server]);
      const listening = await listenAt(server.actor, 'AF_INET', '0.0.0.0', service.port);
      const socket = await makeSocket(client.actor, 'AF_INET', 'SOCK_STREAM', mptcp);
      assert.equal((await socket.connect(service.address, service.port)).error, null);
      // What asked was a socket below this one.
      assert.deepEqual(await socket.peerName(), { address: server.v4, port: service.port });
      const served = await listening.accept();
      await socket.sendAll('question');
      assert.equal(await served.recv(), 'question');
      assert.deepEqual(translations(), [translationOf(service, server)]);
    });

    test('without a backend it fails at once', async () => {
      const service = serviceOf([]);
      const before = node.maps.counted(numbers.drop_reason.DROP_NO_SERVICE, 'EGRESS').packets;
      for (const { family, prefix } of ways.filter(({ of }) => of === 'v4')) {
        const socket = await makeSocket(client.actor, family);
        const { error, seconds } = await socket.connect(`${prefix}${service.address}`, service.port);
        assert.equal(error, 'EHOSTUNREACH');
        // One that nobody answers is given up after two minutes.
        assert.ok(seconds < 10, `it took ${seconds} s`);
      }
      assert.equal(node.maps.counted(numbers.drop_reason.DROP_NO_SERVICE, 'EGRESS').packets, before + 2);
      assert.deepEqual(translations(), []);
    });

    test('what is no service is left as it is', async () => {
      const service = serviceOf([node.pod('other')]);
      const listening = await listenAt(server.actor, 'AF_INET', '0.0.0.0', service.port);
      const socket = await connectTo(client.actor, 'AF_INET', server.v4, service.port);
      await listening.accept();
      assert.deepEqual(await socket.peerName(), { address: server.v4, port: service.port });
      assert.deepEqual(translations(), []);
      assert.equal(node.maps.connects(service.id), 0);
    });

    test('a service that is deleted is none any more', async () => {
      const service = serviceOf([server]);
      await namedServers([server], service.port);
      assert.equal(await connectedName(client.actor, service), 'server');
      node.maps.deleteService(service);
      const socket = await makeSocket(client.actor, 'AF_INET', 'SOCK_STREAM', 0);
      await socket.setTimeout(0);
      assert.equal((await socket.connect(service.address, service.port)).error, 'EINPROGRESS');
      await socket.close();
      assert.equal(node.maps.connects(service.id), 1);
    });

    test('backends get equal shares', async () => {
      const pods = [server, node.pod('other'), node.outside];
      const service = serviceOf(pods);
      await namedServers(pods, service.port);
      const count = 900;
      const told = await client.actor.call<Record<string, number>>('names', {
        family: 'AF_INET',
        address: service.address,
        port: service.port,
        count,
      });
      assert.deepEqual(Object.keys(told).toSorted(), pods.map(({ name }) => name).toSorted());
      assertEqualShares(Object.values(told));
      assert.equal(node.maps.connects(service.id), count);
      const shares = pods.map((pod) => translationOf(service, pod));
      const seen = translations();
      assert.deepEqual(
        shares.map((share) => seen.filter((one) => one === share).length),
        pods.map((pod) => told[pod.name]),
      );
    });

    test('a backend that terminates gets no new connections and keeps those that it has', async () => {
      const service = serviceOf([server, node.pod('other')]);
      const listening = await listenAt(server.actor, 'AF_INET', '0.0.0.0', service.port);
      await namedServers([node.pod('other')], service.port);
      const held = await until(
        () => connectTo(client.actor, 'AF_INET', service.address, service.port),
        () => translations().at(-1) === translationOf(service, server),
      );
      const served = await listening.accept();
      const [terminating, ...others] = service.backends;
      if (terminating === undefined) throw new Error('there is no backend');
      node.maps.putService({ ...service, backends: [...others, { ...terminating, isTerminating: true }] });
      const told = await client.actor.call<Record<string, number>>('names', {
        family: 'AF_INET',
        address: service.address,
        port: service.port,
        count: 30,
      });
      assert.deepEqual(told, { other: 30 });
      await held.sendAll('still');
      assert.equal(await served.recv(), 'still');
      assert.equal(new Set(translations()).size, 1);
    });

    test('a backend that is being removed is not missed', async () => {
      const service = serviceOf([server, node.pod('other')]);
      await namedServers([server, node.pod('other')], service.port);
      // Its slots still name a backend that is gone.
      node.maps.deleteBackend(service.backends[0]?.id ?? 0);
      const told = await client.actor.call<Record<string, number>>('names', {
        family: 'AF_INET',
        address: service.address,
        port: service.port,
        count: 30,
      });
      assert.deepEqual(told, { other: 30 });
      assert.equal(node.maps.connects(service.id), 30);
    });
  });

  for (const [name, protocol] of [
    ['TCP', protocols.TCP],
    ['UDP', protocols.UDP],
  ] as const) {
    for (const { name: way, family, of, prefix } of ways) {
      test(`what a ${name} socket had asked for by ${way} is forgotten when it is closed, and not before`, async () => {
        const service = serviceOf([server], { of, protocol });
        const open = () => makeSocket(client.actor, family, protocol === protocols.TCP ? 'SOCK_STREAM' : 'SOCK_DGRAM');
        if (protocol === protocols.TCP) await listenAt(server.actor, 'AF_INET6', '::', service.port);
        const kept = (): number => node.maps.open('sl_translated').entries().length;
        const before = kept();
        const [one, other] = [await open(), await open()];
        for (const socket of [one, other]) {
          assert.equal((await socket.connect(`${prefix}${service.address}`, service.port)).error, null);
        }
        assert.equal(kept(), before + 2);
        await one.close();
        assert.equal(kept(), before + 1);
        assert.deepEqual(await other.peerName(), { address: `${prefix}${service.address}`, port: service.port });
        await other.close();
        assert.equal(kept(), before);
      });
    }
  }

  describe('UDP', () => {
    for (const { name, family, of, prefix } of ways) {
      test(`connected, by ${name}`, async () => {
        const service = serviceOf([server], { of, protocol: protocols.UDP });
        const receiving = await receiver(server, service);
        const socket = await makeSocket(client.actor, family, 'SOCK_DGRAM');
        assert.equal((await socket.connect(`${prefix}${service.address}`, service.port)).error, null);
        const self: Place = { address: `${prefix}${service.address}`, port: service.port };
        assert.deepEqual(await socket.peerName(), self);
        await socket.send('question');
        const { data, ...from } = await receiving.recvFrom();
        assert.equal(data, 'question');
        await receiving.sendTo('answer', from.address, from.port);
        assert.deepEqual(await socket.recvFrom(), { data: 'answer', ...self });
        assert.deepEqual(translations(), [translationOf(service, server)]);
        assert.equal(node.maps.connects(service.id), 1);
      });

      test(`not connected, by ${name}: answers come from the service`, async () => {
        const service = serviceOf([server], { of, protocol: protocols.UDP });
        const receiving = await receiver(server, service);
        const socket = await makeSocket(client.actor, family, 'SOCK_DGRAM');
        const self: Place = { address: `${prefix}${service.address}`, port: service.port };
        for (const word of ['one', 'two']) {
          await socket.sendTo(word, self.address, self.port);
          const { data, ...from } = await receiving.recvFrom();
          assert.equal(data, word);
          await receiving.sendTo(`${word} too`, from.address, from.port);
          assert.deepEqual(await socket.recvFrom(), { data: `${word} too`, ...self });
        }
        // The socket got one backend, so that is one connection.
        assert.deepEqual(translations(), [translationOf(service, server)]);
        assert.equal(node.maps.connects(service.id), 1);
      });
    }

    test('connected to the backend itself after that, it says so', async () => {
      const service = serviceOf([server], { protocol: protocols.UDP });
      const receiving = await receiver(server, service);
      receiving.begin('serve_names', { name: 'server' });
      const socket = await makeSocket(client.actor, 'AF_INET', 'SOCK_DGRAM');
      for (const address of [service.address, server.v4]) {
        assert.equal((await socket.connect(address, service.port)).error, null);
        assert.deepEqual(await socket.peerName(), { address, port: service.port });
        await socket.send('who');
        assert.deepEqual(await socket.recvFrom(), { data: 'server', address, port: service.port });
      }
    });

    test('without a backend a datagram is refused at once, connected or not', async () => {
      const service = serviceOf([], { protocol: protocols.UDP });
      const before = node.maps.counted(numbers.drop_reason.DROP_NO_SERVICE, 'EGRESS').packets;
      const socket = await makeSocket(client.actor, 'AF_INET', 'SOCK_DGRAM');
      assert.equal((await socket.connect(service.address, service.port)).error, 'EHOSTUNREACH');
      await rejects(socket.sendTo('x', service.address, service.port), 'EHOSTUNREACH');
      assert.equal(node.maps.counted(numbers.drop_reason.DROP_NO_SERVICE, 'EGRESS').packets, before + 2);
    });

    test('all datagrams of a socket get the same backend, and sockets get equal shares', async () => {
      const pods = [server, node.pod('other'), node.outside];
      const service = serviceOf(pods, { protocol: protocols.UDP });
      for (const pod of pods) (await receiver(pod, service)).begin('serve_names', { name: pod.name });
      const told = new Map<string, number>();
      for (let i = 0; i < 300; i++) {
        const socket = await makeSocket(client.actor, 'AF_INET', 'SOCK_DGRAM');
        const names = new Set<string>();
        for (let datagram = 0; datagram < (i < 10 ? 5 : 1); datagram++) {
          await socket.sendTo('who', service.address, service.port);
          names.add((await socket.recvFrom()).data);
        }
        assert.equal(names.size, 1);
        for (const name of names) told.set(name, (told.get(name) ?? 0) + 1);
        await socket.close();
      }
      assert.equal(told.size, 3);
      assertEqualShares([...told.values()]);
      assert.equal(node.maps.connects(service.id), 300);
    });

    test('one socket to two services', async () => {
      const first = serviceOf([server], { protocol: protocols.UDP });
      const second = serviceOf([node.pod('other')], { protocol: protocols.UDP });
      (await receiver(server, first)).begin('serve_names', { name: 'server' });
      (await receiver(node.pod('other'), second)).begin('serve_names', { name: 'other' });
      const socket = await makeSocket(client.actor, 'AF_INET', 'SOCK_DGRAM');
      for (const [service, data] of [
        [first, 'server'],
        [second, 'other'],
        [first, 'server'],
      ] as const) {
        await socket.sendTo('who', service.address, service.port);
        assert.deepEqual(await socket.recvFrom(), { data, address: service.address, port: service.port });
      }
      assert.deepEqual(translations().length, 2);
    });
  });

  describe('session affinity', () => {
    test('all connections of a pod get the same backend', async () => {
      const pods = [server, node.pod('other'), node.outside];
      const service = serviceOf(pods, { affinitySeconds: 60 });
      await namedServers(pods, service.port);
      const told = await names(service, 30);
      assert.equal(Object.keys(told).length, 1, JSON.stringify(told));
      assert.equal(new Set(translations()).size, 1);
      assert.equal(node.maps.connects(service.id), 30);
    });

    test('until it has been away for too long', async () => {
      const pods = [server, node.pod('other'), node.outside];
      const service = serviceOf(pods, { affinitySeconds: 1 });
      await namedServers(pods, service.port);
      const first = Object.keys(await names(service, 1));
      // Three of four chances that one lot brings another backend than the last one: it cannot last.
      const seen = new Set(first);
      for (let i = 0; i < 30 && seen.size === 1; i++) {
        age(service, 1.1);
        seen.add(Object.keys(await names(service, 1))[0] ?? '');
      }
      assert.ok(seen.size > 1, 'it was always the same');
      assert.equal(new Set(translations()).size, seen.size);
    });

    test('a backend that only another service still has is left', async () => {
      const pods = [server, node.pod('other')];
      const service = serviceOf(pods, { affinitySeconds: 60 });
      await namedServers(pods, service.port);
      const [name = ''] = Object.keys(await names(service, 1));
      const left = pods.findIndex((pod) => pod.name === name);
      node.maps.putService({ ...service, backends: service.backends.filter((_, index) => index !== left) });
      assert.deepEqual(await names(service, 20), { [pods[1 - left]?.name ?? '']: 20 });
      assert.equal(new Set(translations()).size, 2);
    });

    test('a backend that terminates is left', async () => {
      const pods = [server, node.pod('other')];
      const service = serviceOf(pods, { affinitySeconds: 60 });
      await namedServers(pods, service.port);
      const [name = ''] = Object.keys(await names(service, 1));
      const backends = service.backends.map((backend, index) => ({
        ...backend,
        isTerminating: pods[index]?.name === name,
      }));
      node.maps.putService({ ...service, backends });
      assert.equal((await names(service, 20))[name], undefined);
    });

    test('a backend that terminates is left, also by a service with too many to look for it among them', async () => {
      const pods = [server, node.pod('other')];
      const each = Array.from({ length: 300 }, () => pods).flat();
      const service = serviceOf(each, { affinitySeconds: 60 });
      await namedServers(pods, service.port);
      const [name = ''] = Object.keys(await names(service, 1));
      assert.deepEqual(await names(service, 20), { [name]: 20 });
      const backends = service.backends.map((backend, index) => ({
        ...backend,
        isTerminating: each[index]?.name === name,
      }));
      node.maps.putService({ ...service, backends });
      assert.equal((await names(service, 20))[name], undefined);
    });

    function names({ address, port }: TestService, count: number): Promise<Record<string, number>> {
      return client.actor.call('names', { family: 'AF_INET', address, port, count });
    }

    /** Makes all clients of a service have been away for longer. */
    function age(service: TestService, seconds: number): void {
      const affinity = node.maps.open('sl_affinity');
      for (const { key, value } of affinity.entries()) {
        if (decode('affinity_key', key).service !== service.id) continue;
        const { last_used, backend } = decode('affinity', value);
        affinity.update(key, encode('affinity', { last_used: last_used - seconds * 1e9, backend }));
      }
    }
  });

  describe('on the wire', () => {
    let wire: Capture;
    beforeEach(async () => {
      wire = await capture(`host ${vips.v4} or host ${vips.v6}`);
    });
    afterEach(() => wire.end());

    test('there is no packet with a service’s address', async () => {
      await talkToServices(client.actor);
      assert.deepEqual(await wire.packets(), []);
    });

    test('where nobody translates there is, so it would have been seen', async () => {
      // Outside of the cgroup that the programs are attached to.
      const actor = startActor(client.netns, dirname(node.cgroup));
      await talkToServices(actor);
      await actor.kill();
      const packets = await wire.packets();
      for (const vip of Object.values(vips)) {
        assert.ok(
          packets.some((packet) => packet.includes(`> ${vip}.`)),
          `none to ${vip}: ${packets.join('\n')}`,
        );
      }
    });

    /** A datagram and a connection by each family, which may not come to anything. */
    async function talkToServices(actor: Actor): Promise<void> {
      for (const { family, of, prefix } of ways) {
        const [stream, datagrams] = [serviceOf([server], { of }), serviceOf([server], { of, protocol: protocols.UDP })];
        await listenAt(server.actor, 'AF_INET6', '::', stream.port);
        const connecting = await makeSocket(actor, family);
        await connecting.setTimeout(0);
        assert.equal((await connecting.connect(`${prefix}${stream.address}`, stream.port)).error, 'EINPROGRESS');
        await connecting.poll(['POLLOUT'], 200);
        const socket = await makeSocket(actor, family, 'SOCK_DGRAM');
        await socket.sendTo('x', `${prefix}${datagrams.address}`, datagrams.port);
      }
    }
  });

  async function receiver(pod: TestPod, { port }: TestService): Promise<TestSocket> {
    const socket = await makeSocket(pod.actor, 'AF_INET6', 'SOCK_DGRAM');
    await socket.bind('::', port);
    return socket;
  }
});

/** Repeats something that is up to chance until it comes out as wanted. */
async function until<T>(act: () => Promise<T>, isWanted: () => boolean): Promise<T> {
  for (let i = 0; i < 100; i++) {
    const result = await act();
    if (isWanted()) return result;
  }
  throw new Error('it never came out as wanted');
}

async function rejects(promise: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(promise, (error) => error instanceof SocketError && error.code === code);
}

/** Three shares by Pearson's chi-squared test: two degrees of freedom, and once in a million shares of chance are refused. */
function assertEqualShares(shares: readonly number[]): void {
  assert.equal(shares.length, 3);
  const expected = shares.reduce((a, b) => a + b, 0) / shares.length;
  const chiSquared = shares.reduce((sum, share) => sum + (share - expected) ** 2 / expected, 0);
  assert.ok(chiSquared < 27.631, `shares of ${shares.join(', ')}: chi squared is ${chiSquared}`);
}
