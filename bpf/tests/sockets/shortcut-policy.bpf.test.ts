import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import { numbers } from '../../../datapath/sidecarless/abi/numbers.ts';
import { protocols } from '../../../datapath/sidecarless/abi/protocols.ts';
import { closeSockets } from '../../../datapath/sidecarless/services/close.ts';
import { SocketError } from './test-actor.ts';
import { acquainted, type Connection, carriedWhile } from './test-connection.ts';
import { startNode, type TestNode } from './test-node.ts';
import type { TestPod } from './test-pod.ts';

const directions = { ingress: 0, egress: 1 } as const;

testInNamespaces(import.meta.filename, () => {
  let node: TestNode;
  let client: TestPod;
  let server: TestPod;
  let epoch = 1;

  before(async () => {
    node = await startNode('client', 'server', 'other');
    client = node.pod('client');
    server = node.pod('server');
  });
  after(() => node.end());
  beforeEach(() => {
    for (const pod of [client, server]) node.setFlags(pod, 0);
    changeEpoch();
  });

  const revocations: readonly { name: string; allow(): void; revoke(): void; reason: number }[] = [
    {
      name: 'the server’s policy for what comes in no longer allows it',
      allow: () => putIngress([client]),
      revoke: () => putIngress([node.pod('other')]),
      reason: numbers.drop_reason.DROP_POLICY,
    },
    {
      name: 'the server’s policy denies it',
      allow: () => putIngress([client]),
      revoke: () => putIngress([client], true),
      reason: numbers.drop_reason.DROP_POLICY_DENY,
    },
    {
      name: 'the client’s policy for what goes out no longer allows it',
      allow: () => putEgress([server]),
      revoke: () => putEgress([]),
      reason: numbers.drop_reason.DROP_POLICY,
    },
    {
      name: 'the server has got its first policy',
      allow: () => undefined,
      revoke: () => putIngress([]),
      reason: numbers.drop_reason.DROP_POLICY,
    },
  ];

  for (const shortcut of [true, false]) {
    describe(shortcut ? 'with the short-cut' : 'without it', () => {
      before(() => node.maps.configure({ shortcut }));

      for (const { name, allow, revoke, reason } of revocations) {
        test(`${name}: nothing passes any more, in neither direction`, async () => {
          allow();
          const made = await acquainted({ from: client, to: server });
          assert.equal(await exchange(made), shortcut ? 8 : 0);
          const ports = [made.port, (await made.client.name()).port];
          const before = dropped(reason);
          revoke();
          changeEpoch();
          const way = await carriedWhile(node, [], async () => {
            await made.client.sendAll('more');
            await made.server.sendAll('more');
            await untilDropped(reason, ports);
            assert.deepEqual(await made.server.poll(['POLLIN'], 0), []);
            assert.deepEqual(await made.client.poll(['POLLIN'], 0), []);
          });
          assert.equal(way.shortcut, 0);
          assert.ok(dropped(reason) >= before + 2);
          await cut(made);
        });
      }

      test('a connection that is revoked is cut at both ends', async () => {
        putIngress([client]);
        const made = await acquainted({ from: client, to: server });
        const waiting = [failure(made.client.recv()), failure(made.server.recv())];
        putIngress([]);
        changeEpoch();
        assert.deepEqual(await cut(made), [1, 1]);
        assert.deepEqual(await Promise.all(waiting), ['ECONNABORTED', 'ECONNABORTED']);
      });

      test('what was sent before is read after', async () => {
        putIngress([client]);
        const made = await acquainted({ from: client, to: server });
        await made.client.sendAll('in time');
        assert.deepEqual(await made.server.poll(['POLLIN'], 5000), ['POLLIN']);
        putIngress([]);
        changeEpoch();
        assert.equal(await made.server.recv(), 'in time');
      });

      test('a policy that has changed and still allows it changes nothing', async () => {
        putIngress([client]);
        const made = await acquainted({ from: client, to: server });
        const before = dropped(numbers.drop_reason.DROP_POLICY);
        for (let i = 0; i < 5; i++) {
          putIngress(i % 2 === 0 ? [client, node.pod('other')] : [client]);
          changeEpoch();
          assert.equal(await exchange(made), shortcut ? 8 : 0);
        }
        assert.equal(dropped(numbers.drop_reason.DROP_POLICY), before);
      });

      test('allowed again, it goes on where it stopped', async () => {
        putIngress([client]);
        const made = await acquainted({ from: client, to: server });
        putIngress([]);
        changeEpoch();
        await made.client.sendAll('late');
        assert.deepEqual(await made.server.poll(['POLLIN'], 100), []);
        putIngress([client]);
        changeEpoch();
        // TCP sends it once more.
        assert.equal(await made.server.recv(), 'late');
        assert.equal(await exchange(made), shortcut ? 8 : 0);
      });

      test('a connection that has been forgotten is asked about by its packets', async () => {
        putIngress([client]);
        const made = await acquainted({ from: client, to: server });
        const connections = node.maps.open('sl_ct');
        connections.deleteAll(connections.entries().map(({ key }) => key));
        const { shortcut: carried } = await carriedWhile(node, [], async () => {
          await made.client.sendAll('remember me');
          assert.equal(await made.server.recv(), 'remember me');
        });
        assert.equal(carried, 0);
        assert.equal(await exchange(made), shortcut ? 8 : 0);
      });

      test('other connections of the pod go on', async () => {
        putIngress([client, node.pod('other')]);
        const kept = await acquainted({ from: node.pod('other'), to: server });
        putIngress([node.pod('other')]);
        changeEpoch();
        assert.equal(await exchange(kept), shortcut ? 8 : 0);
      });
    });
  }

  /** Something said in each direction; what of it the short-cut has carried. */
  async function exchange({ client: one, server: other }: Connection): Promise<number> {
    const { shortcut } = await carriedWhile(node, [], async () => {
      await one.sendAll('ping');
      assert.equal(await other.recv(), 'ping');
      await other.sendAll('pong');
      assert.equal(await one.recv(), 'pong');
    });
    return shortcut;
  }

  /** Waits for drops of packets of both. TCP may hold something back until what was dropped before is sent again. */
  async function untilDropped(reason: number, ports: readonly number[]): Promise<void> {
    const missing = new Set(ports);
    for (let waitedMs = 0; missing.size > 0; waitedMs += 20) {
      assert.ok(waitedMs < 10_000, `nothing from ${[...missing]} was dropped`);
      await delay(20);
      for (const event of node.events()) {
        if (event.type === 'drop' && event.reason === reason) missing.delete(event.sourcePort);
      }
    }
  }

  /** Closes both ends, and says how many each side had. */
  function cut({ port }: Connection): Promise<number[]> {
    return Promise.all([
      closeSockets({ netns: client.netns, protocol: 'tcp', address: server.v4, port }),
      closeSockets({ netns: server.netns, protocol: 'tcp', address: client.v4, localPort: port }),
    ]);
  }

  /** Whom the server lets in, or not. */
  function putIngress(peers: readonly TestPod[], deny = false): void {
    node.setFlags(server, numbers.endpoint_flag.ENDPOINT_POLICE_INGRESS);
    node.maps.putPolicy(server.endpoint, entries(peers, directions.ingress, deny));
  }

  function putEgress(peers: readonly TestPod[]): void {
    node.setFlags(client, numbers.endpoint_flag.ENDPOINT_POLICE_EGRESS);
    node.maps.putPolicy(client.endpoint, entries(peers, directions.egress, false));
  }

  function entries(peers: readonly TestPod[], direction: 0 | 1, deny: boolean) {
    const tcp = { direction, protocol: protocols.TCP, port: 0, prefixBits: 8, rule: 1 };
    return peers.map(({ identity }) => ({ ...tcp, identity, deny }));
  }

  function dropped(reason: number): number {
    return node.maps.counted(reason, 'INGRESS').packets + node.maps.counted(reason, 'EGRESS').packets;
  }

  function changeEpoch(): void {
    node.maps.configure({ epoch: ++epoch });
  }
});

async function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error) => (error instanceof SocketError ? error.code : String(error)),
  );
}
