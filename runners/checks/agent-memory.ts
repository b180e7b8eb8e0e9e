import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess } from '../../clusters/process.ts';
import { bundle } from '../../clusters/tools/bundle.ts';
import { type ProcessMemory, readProcessMemory } from '../probes/process-memory.ts';
import { untilLine } from '../probes/until-line.ts';

const repository = join(import.meta.dirname, '..', '..');

/** What a process of Node's has by itself, and with the library of API clients, as packages and in one file. */
export type Parts = { bare: ProcessMemory; packages: ProcessMemory; bundled: ProcessMemory };

/** Measures them in processes of their own that do nothing else. */
export async function memoryParts(context: {
  signal: AbortSignal;
  progress: (message: string) => void;
}): Promise<Parts> {
  const directory = await mkdtemp(join(tmpdir(), 'lab-agent-memory-'));
  try {
    await bundle({ connection: 'clusters/kube/connection.ts' }, directory, context);
    return {
      bare: await memoryWith(null, context.signal),
      packages: await memoryWith(join(repository, 'clusters/kube/connection.ts'), context.signal),
      bundled: await memoryWith(join(directory, 'connection.mjs'), context.signal),
    };
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function memoryWith(module: string | null, signal: AbortSignal): Promise<ProcessMemory> {
  const load = module === null ? '' : `await import(${JSON.stringify(module)});`;
  const script = `${load} console.error('loaded'); process.stdin.resume();`;
  const node = startProcess(process.execPath, ['--input-type=module', '--eval', script], {
    signal,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  try {
    await untilLine(node, /^loaded$/);
    return readProcessMemory(node.pid);
  } finally {
    node.kill('SIGKILL');
    await node.ended;
  }
}
