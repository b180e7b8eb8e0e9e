import { mkdir, readFile } from 'node:fs/promises';
import { exec } from '../../../clusters/exec.ts';
import { countRuns } from '../libbpf/program-information.ts';
import { type Datapath, openDatapath } from './datapath.ts';

/**
 * Loads the programs of `objects` and opens the maps, on a bpffs of the node's own at `pins`, which stays when the agent
 * goes. From now on the kernel counts how often programs run.
 */
export async function loadDatapath(objects: string, pins: string, signal: AbortSignal): Promise<Datapath> {
  await mountBpf(pins, signal);
  const datapath = openDatapath(objects, pins);
  countRuns();
  return datapath;
}

async function mountBpf(path: string, signal: AbortSignal): Promise<void> {
  await mkdir(path, { recursive: true });
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  if (mounts.split('\n').some((line) => line.split(' ')[4] === path)) return;
  await exec('mount', ['-t', 'bpf', 'lab-sidecarless', path], { signal });
}
