import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, beforeEach, test } from 'node:test';
import { exec, tryExec } from '../../../clusters/exec.ts';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import {
  addNamespaces,
  deleteNamespace,
  echoPeer,
  mtu,
  netnsOf,
  peerSeen,
  prepareNode,
  testNode,
} from '../tests/test-node.ts';
import { linkIdentity } from './link-identity.ts';
import { listPodLinks } from './pod-links.ts';
import { createPodLink } from './veth.ts';

const { signal } = new AbortController();

testInNamespaces(import.meta.filename, () => {
  const node = testNode(['10.244.1.0/24', 'fd00:10:244:1::/64']);
  const hostName = (name: string): string => linkIdentity({ containerId: name, ifname: 'eth0' }).hostName;

  const added = async (name: string, more: object = {}) => {
    const { exitCode, stdout } = await node.call('ADD', name, more);
    assert.equal(exitCode, 0, stdout);
    return JSON.parse(stdout);
  };
  const addressesOf = (result: { ips: { address: string }[] }): [v4: string, v6: string] =>
    result.ips.map(({ address }) => address.split('/')[0]) as [string, string];
  const failure = async (command: string, name: string, more: object = {}) => {
    const { exitCode, stdout } = await node.call(command, name, more);
    assert.equal(exitCode, 1, stdout);
    return JSON.parse(stdout) as { code: number; msg: string; details: string };
  };
  const deleted = async (name: string): Promise<void> => {
    assert.deepEqual(await node.call('DEL', name), { exitCode: 0, stdout: '', stderr: '' });
  };
  const nothingLeft = async (): Promise<void> => {
    assert.deepEqual(await listPodLinks(signal), []);
    assert.deepEqual(node.ipam().all(), []);
    const { stdout } = await exec('ip', ['route', 'show', 'table', 'all', 'to', 'root', '10.244.0.0/16']);
    assert.equal(stdout, '');
  };

  before(async () => {
    await prepareNode();
    await node.startAgent();
  });
  after(() => node.stopAgent());
  beforeEach(() => {
    node.attached.length = 0;
    node.detached.length = 0;
    node.onAttach = async () => undefined;
    node.missing = [];
  });

  test('ADD answers as the specification has it, in both versions', async () => {
    await addNamespaces('a');
    const { hostName: host, mac, nodeMac } = linkIdentity({ containerId: 'a', ifname: 'eth0' });
    const result = await added('a');
    const [v4, v6] = addressesOf(result);
    assert.deepEqual(result, {
      cniVersion: '1.0.0',
      interfaces: [
        { name: host, mac: nodeMac },
        { name: 'eth0', mac, sandbox: '/run/netns/a' },
      ],
      ips: [
        { address: `${v4}/32`, gateway: '169.254.1.1', interface: 1 },
        { address: `${v6}/128`, gateway: 'fe80::1', interface: 1 },
      ],
      routes: [
        { dst: '0.0.0.0/0', gw: '169.254.1.1' },
        { dst: '::/0', gw: 'fe80::1' },
      ],
      dns: {},
    });
    await deleted('a');
    const older = await added('a', { cniVersion: '0.4.0' });
    assert.equal(older.cniVersion, '0.4.0');
    assert.deepEqual(
      older.ips.map(({ version }: { version: string }) => version),
      ['4', '6'],
    );
    await deleted('a');
    await deleteNamespace('a');
    await nothingLeft();
  });

  test('attaching is told all of the endpoint, while no packet can pass', async () => {
    await addNamespaces('a');
    const links: object[] = [];
    node.onAttach = async () => {
      links.push(...(await listPodLinks(signal)));
    };
    const [v4, v6] = addressesOf(await added('a'));
    const { mac, nodeMac } = linkIdentity({ containerId: 'a', ifname: 'eth0' });
    const [listed = assert.fail()] = await listPodLinks(signal);
    assert.deepEqual(node.attached, [
      {
        containerId: 'a',
        ifname: 'eth0',
        netns: '/run/netns/a',
        pod: { namespace: 'test', name: 'a', uid: 'uid-a' },
        addresses: [v4, v6],
        ifindex: listed.ifindex,
        mac,
        nodeMac,
      },
    ]);
    assert.deepEqual(links, [{ ...listed, connected: false }]);
    assert.equal(listed.connected, true);
    const { stdout } = await exec('ip', ['-n', 'a', 'link', 'show', 'eth0']);
    assert.match(stdout, new RegExp(`mtu ${mtu}`));
    await deleted('a');
    const { ifindex: _, ...former } = node.attached[0] ?? assert.fail();
    assert.deepEqual(node.detached, [former]);
    await deleteNamespace('a');
  });

  test('two pods and the node reach each other, in both families, each seen by its own address', async () => {
    await addNamespaces('a', 'b');
    const a = addressesOf(await added('a'));
    const b = addressesOf(await added('b'));
    const ends = await Promise.all([echoPeer('a', 8080), echoPeer('b', 8080)]);
    for (const family of [0, 1] as const) {
      assert.equal(await peerSeen('a', b[family], 8080), a[family]);
      assert.equal(await peerSeen('b', a[family], 8080), b[family]);
      assert.equal(await peerSeen('a', a[family], 8080), a[family]);
    }
    await exec('ip', ['address', 'add', '192.0.2.1/32', 'dev', 'lo']);
    assert.equal(await peerSeen(null, a[0], 8080), '192.0.2.1');
    // Nobody had to ask for a neighbour.
    for (const side of [[], ['-n', 'a'], ['-n', 'b']]) {
      const { stdout } = await exec('ip', [...side, 'neighbour', 'show', 'nud', 'all']);
      const asked = stdout.split('\n').filter((line) => !/PERMANENT|NOARP/.test(line) && line.trim() !== '');
      assert.deepEqual(asked, []);
    }
    for (const end of ends) await end();
    for (const name of ['a', 'b']) {
      await deleted(name);
      await deleteNamespace(name);
    }
    await nothingLeft();
  });

  test('DEL is the same however often, before any ADD, without a namespace, and after it has gone', async () => {
    await deleted('never');
    await addNamespaces('a', 'b');
    await added('a');
    await added('b');
    await deleted('a');
    await deleted('a');
    await deleteNamespace('b');
    await deleted('b');
    await deleted('b');
    await deleteNamespace('a');
    await nothingLeft();
  });

  test('an ADD that is repeated starts anew and leaks nothing', async () => {
    await addNamespaces('a');
    const first = addressesOf(await added('a'));
    const second = addressesOf(await added('a'));
    assert.notEqual(first[0], second[0]);
    assert.equal((await listPodLinks(signal)).length, 1);
    assert.deepEqual(
      node
        .ipam()
        .all()
        .map(({ addresses }) => addresses),
      [second],
    );
    // Leases that were lost leave a link that nobody knows.
    node.ipam().release({ containerId: 'a', ifname: 'eth0' });
    await added('a');
    await deleted('a');
    await deleteNamespace('a');
    await nothingLeft();
  });

  test('what fails in the middle is undone, and the reason is told', async () => {
    await addNamespaces('a');
    node.onAttach = async () => {
      throw new Error('no programs today');
    };
    assert.deepEqual(await failure('ADD', 'a'), {
      cniVersion: '1.0.0',
      code: 100,
      msg: 'no programs today',
      details: '',
    });
    assert.equal(node.detached.length, 1);
    await nothingLeft();

    await node.stopAgent();
    await node.startAgent(2);
    node.onAttach = (_endpoint, given) =>
      new Promise((_, reject) => given.addEventListener('abort', () => reject(given.reason)));
    const late = await failure('ADD', 'a');
    assert.deepEqual([late.code, late.msg], [11, 'ADD of sandbox a took more than 2 s']);
    // In turn, so the undoing is over.
    await deleted('a');
    await nothingLeft();

    await node.stopAgent();
    await node.startAgent();
    node.onAttach = async () => undefined;
    await exec('ip', ['-n', 'a', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'other']);
    assert.match((await failure('ADD', 'a')).msg, /failed: .*File exists/);
    await exec('ip', ['-n', 'a', 'link', 'show', 'eth0']);
    await nothingLeft();
    await deleteNamespace('a');
  });

  test('a namespace that is none is refused', async () => {
    await writeFile(netnsOf('empty'), '');
    for (const name of ['empty', 'absent']) {
      const { code, msg } = await failure('ADD', name);
      assert.deepEqual([code, msg], [4, `CNI_NETNS "/run/netns/${name}" is no network namespace`]);
    }
    assert.equal((await failure('ADD', 'a', { cniVersion: '0.3.1' })).code, 1);
    assert.equal((await failure('ADD', 'a', { name: '' })).code, 7);
    await nothingLeft();
  });

  test('CHECK finds whatever is not as ADD left it', async () => {
    await addNamespaces('a');
    const prevResult = await added('a');
    const [v4, v6] = addressesOf(prevResult);
    const host = hostName('a');
    assert.deepEqual(await node.call('CHECK', 'a', { prevResult }), { exitCode: 0, stdout: '', stderr: '' });
    assert.equal((await failure('CHECK', 'a')).code, 7);
    assert.match((await failure('CHECK', 'other', { prevResult })).msg, /has no addresses/);
    assert.match((await failure('CHECK', 'a', { prevResult: { ...prevResult, ips: [] } })).msg, /its addresses are/);
    node.missing = ['no policy'];
    assert.match((await failure('CHECK', 'a', { prevResult })).msg, /no policy$/);
    node.missing = [];
    for (const [broken, fault] of [
      [['route', 'delete', v4, 'dev', host], `${host}: lacks the route to ${v4}`],
      [['neighbour', 'delete', v6, 'dev', host], `${host}: lacks the neighbour ${v6}`],
      [['-n', 'a', '-6', 'route', 'delete', 'default'], 'eth0: lacks the route to default via fe80::1'],
      [['-n', 'a', 'neighbour', 'delete', '169.254.1.1', 'dev', 'eth0'], 'eth0: lacks the neighbour 169.254.1.1'],
      [['-n', 'a', 'address', 'delete', `${v4}/32`, 'dev', 'eth0'], `eth0: lacks ${v4}`],
      [['-n', 'a', 'link', 'set', 'eth0', 'address', '02:00:00:00:00:09'], 'eth0: has the link address 02:'],
      [['link', 'set', host, 'down'], `${host}: is down`],
      [['link', 'delete', host], `Device "${host}" does not exist`],
    ] as const) {
      await exec('ip', broken);
      const { code, msg } = await failure('CHECK', 'a', { prevResult });
      assert.equal(code, 100);
      assert.ok(msg.includes(fault), `${broken.join(' ')}: ${msg}`);
    }
    await deleted('a');
    await deleteNamespace('a');
  });

  test('while the agent is away ADD and DEL fail; when it is back it frees what went, and knows who stayed', async () => {
    await addNamespaces('stays', 'goes', 'new', 'lost');
    const stays = addressesOf(await added('stays'));
    await added('goes');
    await added('lost');
    const end = await echoPeer('stays', 8080);
    node.ipam().release({ containerId: 'lost', ifname: 'eth0' });
    const [endpoint] = node.attached;
    await node.stopAgent();
    for (const command of ['ADD', 'DEL']) {
      const { code, msg } = await failure(command, 'new');
      assert.equal(code, 11);
      assert.match(msg, /cannot be reached at \/run\/lab-sidecarless\/agent.sock/);
    }
    await deleteNamespace('goes');
    assert.equal(await peerSeen(null, stays[0], 8080), '192.0.2.1');
    const { endpoints, removed } = await node.startAgent();
    assert.deepEqual(endpoints, [endpoint]);
    assert.deepEqual([...removed].sort(), ['goes/eth0', 'lost/eth0']);
    assert.deepEqual(
      node
        .ipam()
        .all()
        .map(({ containerId }) => containerId),
      ['stays'],
    );
    assert.equal(await peerSeen(null, stays[0], 8080), '192.0.2.1');
    await end();
    await deleted('stays');
    for (const name of ['stays', 'new', 'lost']) await deleteNamespace(name);
    await nothingLeft();
  });

  test('the end of the agent finishes the ADD that is under way', async () => {
    await addNamespaces('a');
    const began = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    node.onAttach = () => {
      began.resolve();
      return finish.promise;
    };
    const result = added('a');
    await began.promise;
    const stopped = node.stopAgent();
    finish.resolve();
    await Promise.all([result, stopped]);
    assert.equal((await node.startAgent()).endpoints.length, 1);
    await deleted('a');
    await deleteNamespace('a');
    await nothingLeft();
  });

  test('an agent that died in the middle of an ADD knows nothing of an endpoint, and DEL removes what it left', async () => {
    await addNamespaces('a');
    const lease = {
      containerId: 'a',
      ifname: 'eth0',
      netns: netnsOf('a'),
      pod: { namespace: 'n', name: 'a', uid: 'u' },
    };
    const addresses = node.ipam().allocate(lease);
    const died = createPodLink({ ...lease, addresses, mtu }, () => Promise.reject(new Error('died')));
    await assert.rejects(died, /died/);
    await node.stopAgent();
    assert.deepEqual(await node.startAgent(), { endpoints: [], removed: [] });
    assert.deepEqual(node.ipam().find(lease)?.addresses, addresses);
    await deleted('a');
    await deleteNamespace('a');
    await nothingLeft();
  });

  test('pods that come and go at once get in nobody’s way', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `p${index}`);
    await addNamespaces(...names);
    const results = await Promise.all(names.map((name) => added(name)));
    assert.equal(new Set(results.map((result) => addressesOf(result)[0])).size, names.length);
    await Promise.all(names.map((name) => deleted(name)));
    for (const name of names) await deleteNamespace(name);
    await nothingLeft();
  });

  test('how long 100 ADDs take, one after the other, as the runtime sees it', async (t) => {
    const names = Array.from({ length: 100 }, (_, index) => `m${index}`);
    await addNamespaces(...names);
    const { stdout } = await exec('bash', ['-ec', timedAdds, 'bash', node.program(), node.configuration(), ...names]);
    const milliseconds = stdout
      .trim()
      .split('\n')
      .map((line) => Number(line) / 1000)
      .sort((a, b) => a - b);
    assert.equal(milliseconds.length, names.length);
    const at = (share: number): string =>
      (milliseconds[Math.ceil(share * milliseconds.length) - 1] ?? Number.NaN).toFixed(1);
    t.diagnostic(`ADD: p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms`);
    assert.equal((await listPodLinks(signal)).length, names.length);
    await Promise.all(names.map((name) => deleted(name)));
    await tryExec('sh', ['-c', 'for n; do ip netns delete "$n"; done', 'sh', ...names]);
    await nothingLeft();
  });
});

/** Prints the microseconds of each call. */
const timedAdds = `program=$1; configuration=$2; shift 2
export CNI_COMMAND=ADD CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin CNI_ARGS='K8S_POD_NAMESPACE=n;K8S_POD_NAME=p'
export CNI_CONTAINERID CNI_NETNS
for name; do
  CNI_CONTAINERID=$name CNI_NETNS=/run/netns/$name
  began=\${EPOCHREALTIME/[.,]/}
  "$program" <<<"$configuration" >/dev/null
  ended=\${EPOCHREALTIME/[.,]/}
  echo $((ended - began))
done
`;
