import { after, before, test } from 'node:test';
import { z } from 'zod';
import { poolOf } from '../../clusters/cluster.ts';
import { exec } from '../../clusters/exec.ts';
import { tearDown } from '../../clusters/life/tear-down.ts';
import { assertAllProven, assertInvalid, assertValidPath, openStage, type Stage } from './stage.ts';

const signal = AbortSignal.timeout(900_000);
const pool = poolOf('sidecarless', 'sidecarless');
const Links = z.tuple([z.object({ link_index: z.number() })]);
const NodeLinks = z.array(z.object({ ifindex: z.number(), ifname: z.string() }));
let stage: Stage;

before(async () => {
  const pools = [poolOf('none', 'none'), pool];
  stage = await openStage(pools, { placements: ['cross-node', 'same-node'], signal });
});

after(async () => void (stage !== undefined && (await tearDown())));

test('an untouched data plane proves every path', async () => assertAllProven(await stage.shortRun()));

test('sockets that are not joined, because a pod takes no part, do not pass for the short-cut', async () => {
  const generator = (await stage.deployed(pool)).generators.get('same-node');
  const path = `/api/v1/namespaces/${pool.namespace}/pods/${generator?.metadata?.name}`;
  const takePart = (shortcut: 'off' | null) =>
    stage.cluster.kube.request('PATCH', path, {
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { metadata: { annotations: { 'datapath-lab.dev/shortcut': shortcut } } },
      signal,
    });
  await takePart('off');
  try {
    const run = await stage.shortRun();
    assertInvalid(run, 'sidecarless/l4/none/same-node/shortcut', /shortcut\/bytes had to grow by/);
    assertValidPath(run, 'sidecarless/l4/none/same-node');
  } finally {
    await takePart(null);
  }
});

test('without the program that polices what a pod sends nothing gets past it, and the run says so', async () => {
  const generator = (await stage.deployed(pool)).generators.get('cross-node');
  const node = generator?.spec?.nodeName;
  const agent = `${await stage.processOf(pool.systemNamespace, 'agent', node)}`;
  const pod = `${await stage.processOf(pool.namespace, 'generator', node)}`;
  const there = async <T>(type: z.ZodType<T>, pid: string, ...command: string[]): Promise<T> => {
    const { stdout } = await exec('nsenter', ['--target', pid, '--net', '--', ...command], { signal });
    return type.parse(stdout === '' ? undefined : JSON.parse(stdout));
  };
  const [{ link_index: index }] = await there(Links, pod, 'ip', '-json', 'link', 'show', 'dev', 'eth0');
  const links = await there(NodeLinks, agent, 'ip', '-json', 'link', 'show');
  const name = links.find(({ ifindex }) => ifindex === index)?.ifname ?? '';
  await there(z.undefined(), agent, 'tc', 'filter', 'delete', 'dev', name, 'ingress');
  const run = await stage.shortRun();
  assertInvalid(run, 'sidecarless/l4/none/cross-node', /generator\/answered had to grow by \d+, but it grew by 0/);
  assertValidPath(run, 'none/l4/none/cross-node');
});
