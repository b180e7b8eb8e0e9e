import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { exec } from '../../../clusters/exec.ts';
import { privateRun, testCgroup } from '../../../clusters/netns/tests/namespaces.ts';
import { type DatapathEvent, decodeEvent } from '../../../datapath/sidecarless/flow/event.ts';
import { type Datapath, openDatapath } from '../../../datapath/sidecarless/maps/datapath.ts';
import { type TestMaps, testMaps } from './test-maps.ts';
import { addOutside } from './test-outside.ts';
import { addPod, putPod, type TestPod } from './test-pod.ts';

/** A node with pods, in this process's network namespace, with all programs attached as the agent attaches them. */
export type TestNode = {
  maps: TestMaps;
  /** A pod of this node by its name. */
  pod(name: string): TestPod;
  /** A pod of another node. */
  outside: TestPod;
  /** The cgroup of version 2 that programs are attached to. */
  cgroup: string;
  /** Sets a pod's flags; see the header's enum endpoint_flag. */
  setFlags(pod: TestPod, flags: number): void;
  /** What has happened since the last call. */
  events(): DatapathEvent[];
  /** Bytes that a link of the node has carried in both directions, by its name. */
  linkBytes(link: string): Promise<number>;
  /** What the agent knows of its programs. */
  programs(): Pick<Datapath, 'isAttached' | 'runs'>;
  /** Loads the programs once more and puts them in place of those that are there, as an agent does that starts. */
  reload(): void;
  end(): Promise<void>;
};

const pins = '/run/bpf';
const objects = '/run/objects';
const source = join(import.meta.dirname, '../..');

const Bytes = z.looseObject({ bytes: z.number() });
const Statistics = z.tuple([z.looseObject({ stats64: z.object({ rx: Bytes, tx: Bytes }) })]);

/** Builds, loads and attaches everything. The caller is in namespaces of its own, whose end takes it all away. */
export async function startNode(...podNames: readonly string[]): Promise<TestNode> {
  await privateRun();
  await exec('sh', ['-ec', 'mkdir /run/netns "$0" && mount -t bpf bpf "$0"', pins]);
  await exec('sysctl', ['-q', '-w', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
  const cgroup = await makeCgroup();
  await exec('make', ['-s', '-C', source, `OUT=${objects}`]);
  let datapath = openDatapath(objects, pins);
  const maps = testMaps(pins);
  maps.configure({});
  const outside = await addOutside(cgroup, maps);
  const pods = new Map<string, TestPod>();
  const attach = (): void => {
    datapath.attachUplink(outside.ifindex);
    for (const { ifindex } of pods.values()) datapath.attachPod(ifindex);
    datapath.attachCgroup(cgroup);
  };
  attach();
  for (const [index, name] of podNames.entries()) {
    pods.set(name, await addPod({ name, number: index + 1, cgroup, maps }, datapath.attachPod));
  }
  const seen: DatapathEvent[] = [];
  const ring = datapath.readEvents((record) => seen.push(decodeEvent(record)));
  return {
    maps,
    outside,
    cgroup,
    pod(name) {
      const pod = pods.get(name);
      if (pod === undefined) throw new Error(`there is no pod ${name}`);
      return pod;
    },
    setFlags: (pod, flags) => putPod(maps, pod, flags),
    events() {
      ring.consume();
      return seen.splice(0);
    },
    async linkBytes(link) {
      const { stdout } = await exec('ip', ['-json', '-stats', 'link', 'show', 'dev', link]);
      const [{ stats64 }] = Statistics.parse(JSON.parse(stdout));
      return stats64.rx.bytes + stats64.tx.bytes;
    },
    programs: () => datapath,
    reload() {
      datapath = openDatapath(objects, pins);
      attach();
    },
    async end() {
      ring.close();
      await Promise.all([...pods.values(), outside].map(({ actor }) => actor.kill()));
    },
  };
}

/** A cgroup of the test's own, on a host that has version 2 only and on one that has version 1 too. */
async function makeCgroup(): Promise<string> {
  const { stdout } = await exec('findmnt', [
    '--noheadings',
    '--output',
    'TARGET',
    '--types',
    'cgroup2',
    '--first-only',
  ]);
  const cgroup = join(stdout.trim(), testCgroup());
  await mkdir(cgroup, { recursive: true });
  return cgroup;
}
