import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exec } from '../../../clusters/exec.ts';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import { connection } from './test-connection.ts';
import { startNode, type TestNode } from './test-node.ts';

const bytes = 2_000_000;
/** `IP_MTU` and `IPV6_MTU`: what a socket knows of the way. */
const pathMtu = { v4: { level: 'IPPROTO_IP', name: 14 }, v6: { level: 'IPPROTO_IPV6', name: 24 } } as const;

testInNamespaces(import.meta.filename, () => {
  let node: TestNode;

  before(async () => {
    node = await startNode('client');
  });
  after(() => node.end());

  for (const version of ['v4', 'v6'] as const) {
    const { level, name } = pathMtu[version];
    const family = version === 'v4' ? 'AF_INET' : 'AF_INET6';

    test(`a transfer gets through where the way to the other nodes has become narrower (${version})`, async () => {
      await widthOf(1500);
      const made = await connection({
        from: node.pod('client'),
        to: node.outside,
        family,
        address: node.outside[version],
      });
      const transfer = async (): Promise<void> => {
        const [sent, received] = await Promise.all([made.client.sendPattern(bytes), made.server.recvDigest(bytes)]);
        assert.deepEqual([sent.error, received.error, received.bytes], [null, null, bytes]);
        assert.equal(received.digest, sent.digest);
      };
      await transfer();
      assert.equal(await made.client.option(level, name), 1450);
      // Too narrow for what the pod's own link carries: the stack must tell it.
      await widthOf(1300);
      await transfer();
      assert.equal(await made.client.option(level, name), 1300);
    });
  }

  /** Of the link between the nodes. */
  async function widthOf(mtu: number): Promise<void> {
    await exec('ip', ['link', 'set', 'uplink', 'mtu', `${mtu}`]);
    await exec('ip', ['-n', 'outside', 'link', 'set', 'eth0', 'mtu', `${mtu}`]);
  }
});
