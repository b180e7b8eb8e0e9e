import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism, release, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { cacheRoot } from '../tools/cache.ts';
import { isAtLeast } from '../tools/go.ts';
import { type Finding, judge } from './finding.ts';

const gibibyte = 2 ** 30;

/** The machine itself: system, kernel, processors, memory, disk, and who asks. */
export async function machineFindings(): Promise<Finding[]> {
  const cores = availableParallelism();
  const memoryBytes = totalmem();
  return [
    judge('system', process.platform === 'linux' && process.arch === 'x64', {
      found: `${await systemName()} on ${process.arch}`,
      why: 'a cluster is made of Linux namespaces, and its tools are pinned for x86-64',
      otherwise: 'lacks',
      remedy: 'use a Linux machine or virtual machine with x86-64',
    }),
    ...(process.platform === 'linux'
      ? [
          judge('kernel', isAtLeast(release().split('-')[0] ?? '0', '5.10'), {
            found: release(),
            why: 'overlayfs, cgroups and netfilter as the lab uses them are as old as 5.10',
            otherwise: 'lacks' as const,
            remedy: 'use a distribution of 2021 or later',
          }),
        ]
      : []),
    judge('root', process.getuid?.() === 0, {
      found: process.getuid?.() === 0 ? 'yes' : `no, user ${process.getuid?.() ?? 'without a number'}`,
      why: 'namespaces, cgroups and mounts of a cluster need it; other commands do not',
      otherwise: 'lacks',
      remedy: 'sudo lab ...',
    }),
    judge('cores', cores >= 2, {
      found: String(cores),
      why: 'generator, workload and proxies share them: with one, latencies are mostly queueing',
      otherwise: 'note',
    }),
    judge('memory', memoryBytes >= 4 * gibibyte, {
      found: `${(memoryBytes / gibibyte).toFixed(1)} GiB`,
      why: 'the control plane takes 0.5 GiB and building it once takes 3',
      otherwise: 'note',
    }),
    await diskFinding(
      'disk for the cache',
      cacheRoot(),
      6,
      'tools take 0.7 GiB; building them once takes 6 with Go’s own caches',
    ),
    ...(process.platform === 'linux'
      ? [await diskFinding('room in /run', '/run', 0.25, 'keys, etcd’s data and the nodes’ files live there')]
      : []),
  ];
}

async function diskFinding(name: string, path: string, neededGibibytes: number, why: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(await existing(path));
  const freeGibibytes = (bavail * bsize) / gibibyte;
  return judge(name, freeGibibytes >= neededGibibytes, {
    found: `${freeGibibytes.toFixed(1)} GiB free for ${path}`,
    why,
    otherwise: 'note',
    remedy: `free ${neededGibibytes} GiB there`,
  });
}

async function existing(path: string): Promise<string> {
  const there = await statfs(path).then(
    () => true,
    () => false,
  );
  return there || path === '/' ? path : existing(dirname(path));
}

async function systemName(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^PRETTY_NAME="?([^"\n]+)"?$/m.exec(text)?.[1] ?? process.platform;
}
