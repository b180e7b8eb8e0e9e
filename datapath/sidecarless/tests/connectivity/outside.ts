import { readdir, readFile } from 'node:fs/promises';
import { exec } from '../../../../clusters/exec.ts';
import { enter } from '../../../../clusters/netns/namespace.ts';
import { startProcess } from '../../../../clusters/process.ts';
import { otherWorld, world, worldRange } from './addresses.ts';
import { peerCommand } from './peer.ts';

const netns = 'world';
/** On the nodes' network, where its own addresses are not. */
const hop = '172.30.0.250';

export type OutsideOptions = {
  nodes: readonly { pid: number; address: string; podCidr: string }[];
  /** Path of the socket by which it takes orders. */
  socket: string;
  serverPorts: readonly number[];
  signal: AbortSignal;
};

/**
 * Makes a host of its own beside the nodes, as a router to addresses outside the cluster, and starts a peer on it. The
 * nodes are given a route to these; it has routes to their pods, which those outside of a real cluster have not.
 */
export async function startOutside({ nodes, socket, serverPorts, signal }: OutsideOptions): Promise<void> {
  const fabric = await fabricPid();
  const batch = (lines: readonly string[]) => ({ input: `${lines.join('\n')}\n`, signal });
  await exec('ip', ['netns', 'add', netns], { signal });
  await exec('ip', ['link', 'add', 'eth0', 'netns', netns, 'type', 'veth', 'peer', 'name', netns, 'netns', fabric], {
    signal,
  });
  await exec(...enter(Number(fabric), 'ip', ['link', 'set', netns, 'master', 'br0', 'up']), { signal });
  await exec(
    'ip',
    ['-netns', netns, '-batch', '-'],
    batch([
      'link set lo up',
      `address add ${hop}/24 dev eth0`,
      ...[world, otherWorld].map((address) => `address add ${address}/32 dev lo`),
      'link set eth0 up',
      ...nodes.map(({ podCidr, address }) => `route add ${podCidr} via ${address}`),
    ]),
  );
  for (const { pid } of nodes) {
    await exec(...enter(pid, 'ip', ['route', 'add', worldRange, 'via', hop]), { signal });
  }
  startProcess('ip', ['netns', 'exec', netns, ...peerCommand(socket, serverPorts)], {
    stdio: ['ignore', 'ignore', 'inherit'],
    signal,
  });
}

/** The process that holds the network which all nodes are plugged into. */
async function fabricPid(): Promise<string> {
  for (const pid of (await readdir('/proc')).filter((name) => /^[0-9]+$/.test(name))) {
    const links = await readFile(`/proc/${pid}/net/dev`, 'utf8').catch(() => '');
    if (/^\s*br0:/m.test(links)) return pid;
  }
  throw new Error('no process holds the nodes’ network');
}
