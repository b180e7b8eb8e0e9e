import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { after, afterEach, before, test } from 'node:test';
import { exec } from '../../../clusters/exec.ts';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import { addNamespaces, deleteNamespace, mtu, netnsOf, prepareNode } from '../tests/test-node.ts';
import type { LinkPlan } from './link-commands.ts';
import { linkIdentity } from './link-identity.ts';
import { listPodLinks } from './pod-links.ts';
import { createPodLink, removePodLink } from './veth.ts';

const { signal } = new AbortController();
const v4 = '10.244.1.7';
const v6 = 'fd00:10:244:1::7';
const plan: LinkPlan = { containerId: 'a', ifname: 'eth0', netns: netnsOf('a'), addresses: [v4, v6], mtu };
const { hostName, alias, mac, nodeMac } = linkIdentity(plan);
const attached = async (): Promise<void> => undefined;

testInNamespaces(import.meta.filename, () => {
  before(async () => {
    await prepareNode();
    await addNamespaces('a');
  });
  after(() => deleteNamespace('a'));
  afterEach(async () => {
    await removePodLink(plan);
    assert.deepEqual(await listPodLinks(signal), []);
  });

  test('both sides are as they were planned, and their addresses are there at once', async () => {
    await createPodLink(plan, async (ifindex) => {
      assert.deepEqual(
        (await listPodLinks(signal)).map((link) => [link.hostName, link.ifindex, link.connected]),
        [[hostName, ifindex, false]],
      );
      assert.match(await ip('-n', 'a', 'link', 'show', 'eth0'), /state DOWN/);
    });
    // Nothing is awaited before this: an address that were still looked for elsewhere would be tentative.
    assert.deepEqual(addressesIn(await ip('-n', 'a', 'address', 'show', 'eth0')), [
      `inet ${v4}/32 scope global eth0`,
      `inet6 ${v6}/128 scope global nodad`,
    ]);
    assert.deepEqual(addressesIn(await ip('address', 'show', hostName)), []);
    assert.match(
      await ip('link', 'show', hostName),
      new RegExp(`mtu ${mtu} .*link/ether ${nodeMac} .*alias ${alias}$`),
    );
    assert.match(await ip('-n', 'a', 'link', 'show', 'eth0'), new RegExp(`mtu ${mtu} .*link/ether ${mac} `));
    assert.equal(await ip('-n', 'a', '-4', 'route', 'show'), 'default via 169.254.1.1 dev eth0 onlink');
    assert.match(
      await ip('-n', 'a', '-6', 'route', 'show', 'default'),
      /^default via fe80::1 dev eth0 metric 1024 onlink pref medium$/,
    );
    assert.equal(await ip('-4', 'route', 'show', 'dev', hostName), `${v4} scope link`);
    assert.match(await ip('-6', 'route', 'show', 'dev', hostName), new RegExp(`^${v6} metric 1024 pref medium$`));
    for (const [where, neighbours] of [
      [
        ['neighbour', 'show', 'dev', hostName],
        [`${v4} lladdr ${mac} PERMANENT`, `${v6} lladdr ${mac} PERMANENT`],
      ],
      [
        ['-n', 'a', 'neighbour', 'show', 'dev', 'eth0'],
        [`169.254.1.1 lladdr ${nodeMac} PERMANENT`, `fe80::1 lladdr ${nodeMac} PERMANENT`],
      ],
    ] as const) {
      const { stdout } = await exec('ip', where);
      assert.deepEqual(
        stdout
          .trim()
          .split('\n')
          .map((line) => line.trim())
          .sort(),
        neighbours,
      );
    }
  });

  for (const address of [v4, v6]) {
    test(`a pod with ${address} alone has nothing of the other family`, async () => {
      await createPodLink({ ...plan, addresses: [address] }, attached);
      const [only, ...others] = addressesIn(await ip('-n', 'a', 'address', 'show', 'eth0'));
      assert.match(only ?? '', new RegExp(` ${address}/`));
      assert.deepEqual(others, []);
      const other = address === v4 ? '-6' : '-4';
      assert.equal(await ip('-n', 'a', other, 'route', 'show', 'default'), '');
      assert.equal(await ip(other, 'route', 'show', 'dev', hostName), '');
    });
  }

  test('a side that is there already is told apart from other failures', async () => {
    await createPodLink(plan, attached);
    await assert.rejects(createPodLink(plan, never), {
      code: 'LAB_POD_LINK_EXISTS',
      message: `The link ${hostName} of eth0 in sandbox a failed: add ${hostName} with eth0: File exists`,
    });
    const other = { ...plan, containerId: 'b' };
    await assert.rejects(createPodLink(other, never), { code: 'LAB_POD_LINK_EXISTS' });
    await assert.rejects(createPodLink({ ...other, ifname: 'net1', mtu: 1 }, never), {
      code: 'LAB_POD_LINK_FAILED',
      message: /failed: add lxc\w+ with net1: Invalid argument/,
    });
  });

  test('a namespace that is gone, or is none, is told of', async () => {
    await writeFile(netnsOf('empty'), '');
    for (const [name, words] of [
      ['gone', `ENOENT: no such file or directory, open '/run/netns/gone'`],
      ['empty', 'enter the network namespace: Invalid argument'],
    ] as const) {
      await assert.rejects(createPodLink({ ...plan, netns: netnsOf(name) }, never), {
        code: 'LAB_POD_LINK_FAILED',
        message: `The link ${hostName} of eth0 in sandbox a failed: ${words}`,
      });
    }
  });

  test('a namespace that goes while its link is attached takes the link along', async () => {
    await addNamespaces('b');
    await createPodLink({ ...plan, netns: netnsOf('b') }, () => deleteNamespace('b'));
    await removePodLink(plan);
    assert.deepEqual(await listPodLinks(signal), []);
  });

  test('what attaching fails with is passed on, and the pod’s side stays down', async () => {
    const failure = new Error('no programs today');
    await assert.rejects(
      createPodLink(plan, () => Promise.reject(failure)),
      (error) => error === failure,
    );
    assert.match(await ip('-n', 'a', 'link', 'show', 'eth0'), /state DOWN/);
    await removePodLink(plan);
    await assert.rejects(
      createPodLink(plan, () => removePodLink(plan)),
      { code: 'LAB_POD_LINK_FAILED', message: /failed: look at eth0: No such device$/ },
    );
  });

  test('removing is the same however often, and at once', async () => {
    await createPodLink(plan, attached);
    await Promise.all([removePodLink(plan), removePodLink(plan), removePodLink(plan)]);
    await removePodLink(plan);
    await createPodLink(plan, attached);
  });

  test('200 links that come and go, and as many that cannot, leave nothing open', async (t) => {
    const home = readlinkSync('/proc/thread-self/ns/net');
    // The first makes what is made once.
    await createPodLink(plan, attached);
    await removePodLink(plan);
    const before = openDescriptors();
    const took: number[] = [];
    for (let count = 0; count < 200; count += 1) {
      const began = performance.now();
      await createPodLink(plan, attached);
      took.push(performance.now() - began);
      await assert.rejects(createPodLink(plan, never), { code: 'LAB_POD_LINK_EXISTS' });
      await removePodLink(plan);
      await assert.rejects(createPodLink({ ...plan, netns: netnsOf('gone') }, never), { code: 'LAB_POD_LINK_FAILED' });
      await assert.rejects(createPodLink({ ...plan, netns: '/dev/null' }, never), { code: 'LAB_POD_LINK_FAILED' });
    }
    assert.deepEqual(openDescriptors(), before);
    assert.equal(readlinkSync('/proc/thread-self/ns/net'), home);
    took.sort((a, b) => a - b);
    t.diagnostic(`a link: p50 ${took[99]?.toFixed(1)} ms, p99 ${took[197]?.toFixed(1)} ms`);
  });
});

const never = (): Promise<void> => assert.fail('attached');

/** All that this process has open, without the numbers that tell one of a kind from another. */
function openDescriptors(): string[] {
  const all = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      // That by which the folder was read.
      return [];
    }
  });
  return all.map((target) => target.replace(/\d+/g, '')).sort();
}

function addressesIn(shown: string): string[] {
  return [...shown.matchAll(/inet6? \S+ scope \S+( eth0| nodad| tentative)*/g)].map(([line]) => line.trim());
}

/** What ip(8) prints, on one line. */
async function ip(...args: readonly string[]): Promise<string> {
  const { stdout } = await exec('ip', args);
  return stdout.trim().replace(/\s+/g, ' ');
}
