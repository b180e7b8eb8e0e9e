import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { LabError } from '../error.ts';
import { startProcess } from '../process.ts';
import { shortFarewell } from './short-farewell.ts';

/** A command that runs in the network and mount namespaces which process `pid` holds. */
export function enter(pid: number, file: string, args: readonly string[]): [file: string, args: string[]] {
  return ['nsenter', [`--net=/proc/${pid}/ns/net`, `--mount=/proc/${pid}/ns/mnt`, '--', file, ...args]];
}

/**
 * Makes a network and a mount namespace and returns the id of the process that holds them; they end with it.
 * `setUp` is shell text that runs in them first.
 * @throws LabError LAB_NAMESPACE_FAILED with what the shell said.
 */
export async function holdNamespace(name: string, setUp: string, signal: AbortSignal): Promise<number> {
  const script = `set -e\nsysctl -q -w ${shortFarewell}\n${setUp}\necho ready\nexec sleep infinity`;
  const holder = startProcess(
    'unshare',
    ['--net', '--mount', '--uts', '--propagation', 'private', 'sh', '-c', script, name],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    },
  );
  if (holder.stdout === null || holder.stderr === null) throw new Error('the namespace holder has no pipes');
  let complaint = '';
  holder.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  const ready = once(createInterface(holder.stdout), 'line').then(() => true);
  if (await Promise.race([ready, holder.ended.then(() => false)])) return holder.pid;
  throw new LabError('LAB_NAMESPACE_FAILED', {
    message: `The namespaces of ${name} could not be set up: ${complaint.trim()}`,
    remedy: 'Run `lab doctor`: the host may lack overlayfs or namespaces.',
  });
}
