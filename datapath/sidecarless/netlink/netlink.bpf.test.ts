import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { afterEach, before, beforeEach, test } from 'node:test';
import { exec } from '../../../clusters/exec.ts';
import { privateRun, testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import { addAddress } from './address.ts';
import { addVethPair, bringLinkUp, deleteLink, prepareLink } from './link.ts';
import { type Netlink, openNetlink } from './netlink.ts';
import { NetlinkError } from './netlink-error.ts';
import { openNetlinkIn } from './network-namespace.ts';
import { routeToGateway } from './route.ts';

const pod = '/run/netns/pod';
const mac = '02:00:00:00:00:01';

testInNamespaces(import.meta.filename, () => {
  let netlink: Netlink;
  let podFd: number;
  let home: string;
  const refusal = (act: () => unknown): string => {
    try {
      act();
    } catch (error) {
      assert.ok(error instanceof NetlinkError, String(error));
      return `${error.code} ${error.message}`;
    }
    return assert.fail('was not refused');
  };

  before(async () => {
    await privateRun();
    await exec('ip', ['netns', 'add', 'pod']);
    home = readlinkSync('/proc/self/ns/net');
  });
  beforeEach(() => {
    netlink = openNetlink();
    podFd = openSync(pod, 'r');
  });
  afterEach(() => {
    netlink.close();
    closeSync(podFd);
    assert.deepEqual(namespacesOfThreads(), [home]);
  });

  test('a refusal has the kernel’s words, and the next request is answered as if nothing had been', async () => {
    assert.equal(
      refusal(() => netlink.linkIndex('absent')),
      'ENODEV look at absent: No such device',
    );
    const loopback = netlink.linkIndex('lo');
    assert.equal(
      refusal(() => routeToGateway(netlink, loopback, '127.0.0.1')),
      'EINVAL route all to 127.0.0.1: Invalid argument (Nexthop has invalid gateway)',
    );
    // What stands in brackets differs between kernels.
    assert.match(
      refusal(() => addAddress(netlink, 4711, '10.0.0.1')),
      /^ENODEV add address 10\.0\.0\.1: No such device/,
    );
    await assert.rejects(deleteLink(netlink, 'absent'), { code: 'ENODEV', message: 'delete absent: No such device' });
    assert.equal(netlink.linkIndex('lo'), loopback);
  });

  test('a pair has one side here and one there, each as it was asked for, and goes as one', async () => {
    const side = { name: 'here', mac, mtu: 1450 };
    addVethPair(netlink, side, { name: 'there', mac: '02:00:00:00:00:02', mtu: 1400, namespaceFd: podFd });
    const inPod = openNetlinkIn(podFd);
    try {
      prepareLink(netlink, netlink.linkIndex('here'), { alias: 'one of two' });
      bringLinkUp(netlink, netlink.linkIndex('here'));
      bringLinkUp(inPod, inPod.linkIndex('there'));
      const [here, there] = await Promise.all([show('here'), show('there', '-n', 'pod')]);
      assert.deepEqual([here.address, here.mtu, here.ifalias, here.operstate], [mac, 1450, 'one of two', 'UP']);
      assert.deepEqual([there.address, there.mtu, there.operstate], ['02:00:00:00:00:02', 1400, 'UP']);
      assert.match(
        refusal(() => addVethPair(netlink, side, { ...side, name: 'other', namespaceFd: podFd })),
        /^EEXIST add here with other: File exists/,
      );
      assert.match(
        refusal(() => addVethPair(netlink, { ...side, name: 'other' }, { ...side, name: 'there', namespaceFd: podFd })),
        /^EEXIST add other with there: File exists/,
      );
      await deleteLink(netlink, 'here');
      assert.match(
        refusal(() => inPod.linkIndex('there')),
        /^ENODEV/,
      );
    } finally {
      inPod.close();
    }
  });

  test('this thread comes back from a namespace in which nothing can be opened, or which is none', async () => {
    const emptyFd = openSync('/dev/null', 'r');
    assert.equal(
      refusal(() => openNetlinkIn(emptyFd)),
      'EINVAL enter the network namespace: Invalid argument',
    );
    await exec('prlimit', [`--pid=${process.pid}`, '--nofile=100:']);
    const all = allDescriptors();
    // One for the way back, and none for the socket.
    closeSync(all.pop() ?? assert.fail());
    const refused = refusal(() => openNetlinkIn(podFd));
    const namespaces = readlinkSync('/proc/thread-self/ns/net');
    for (const fd of all) closeSync(fd);
    closeSync(emptyFd);
    assert.equal(refused, 'EMFILE open a netlink socket: Too many open files');
    assert.equal(namespaces, home);
  });

  test('what is asked of another thread is asked of this one’s namespace', async () => {
    const inPod = openNetlinkIn(podFd);
    try {
      addVethPair(netlink, { name: 'here', mac, mtu: 1450 }, { name: 'there', mac, mtu: 1450, namespaceFd: podFd });
      await assert.rejects(deleteLink(netlink, 'there'), { code: 'ENODEV' });
      await deleteLink(inPod, 'there');
      assert.match(
        refusal(() => netlink.linkIndex('here')),
        /^ENODEV/,
      );
    } finally {
      inPod.close();
    }
  });
});

/** Without duplicates, and without threads that have ended since they were listed. */
function namespacesOfThreads(): string[] {
  const namespaceOf = (thread: string): string[] => {
    try {
      return [readlinkSync(`/proc/self/task/${thread}/ns/net`)];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  };
  return [...new Set(readdirSync('/proc/self/task').flatMap(namespaceOf))];
}

/** Opens files until there can be no more. */
function allDescriptors(): number[] {
  const opened: number[] = [];
  try {
    for (;;) opened.push(openSync('/dev/null', 'r'));
  } catch {
    return opened;
  }
}

async function show(link: string, ...where: string[]) {
  const { stdout } = await exec('ip', [...where, '-json', 'link', 'show', 'dev', link]);
  return JSON.parse(stdout)[0] as { address: string; mtu: number; ifalias?: string; operstate: string };
}
