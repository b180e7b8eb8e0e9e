import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cgroupRoot } from '../../clusters/life/paths.ts';

/** CPU seconds per second that everything of the embedded cluster uses together, over a window of that length. */
export async function clusterCpuSeconds(seconds: number, signal: AbortSignal): Promise<number> {
  const [began, before] = [performance.now(), readUsage()];
  await delay(seconds * 1000, undefined, { signal });
  return (readUsage() - before) / ((performance.now() - began) / 1000);
}

function readUsage(): number {
  const v1 = join('/sys/fs/cgroup/cpuacct', cgroupRoot, 'cpuacct.usage');
  if (existsSync(v1)) return Number(readFileSync(v1, 'utf8')) / 1e9;
  const stat = readFileSync(join('/sys/fs/cgroup', cgroupRoot, 'cpu.stat'), 'utf8');
  return Number(/^usage_usec (\d+)$/m.exec(stat)?.[1]) / 1e6;
}
