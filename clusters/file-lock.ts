import { setTimeout as delay } from 'node:timers/promises';
import { LabError } from './error.ts';

/**
 * Waits for the lock of that name and holds it until the returned function is called or this process ends, however it
 * ends: the lock is the kernel's (flock(2)), held by a child that ends with the pipe from us. The file stays: removing
 * it would let two processes lock two files of one name.
 * @throws LabError LAB_LOCK_FAILED when it cannot be taken at all (no such folder, no flock program).
 */
export async function lockFile(
  path: string,
  { signal, onWait }: { signal: AbortSignal; onWait?: () => void },
): Promise<() => Promise<void>> {
  // Commands that lock nothing need not wait for what starts processes.
  const { startProcess } = await import('./process.ts');
  const child = startProcess('flock', ['--exclusive', path, 'sh', '-c', 'echo locked && exec cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    signal,
  });
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  const waited = new AbortController();
  void delay(1000, undefined, { signal: waited.signal }).then(onWait, () => undefined);
  try {
    await new Promise<void>((resolve, reject) => {
      child.stdout?.once('data', () => resolve());
      void child.ended.then(() => reject(new Error(complaint.trim() || 'flock ended')));
    });
  } catch (cause) {
    signal.throwIfAborted();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LabError('LAB_LOCK_FAILED', { message: `Cannot lock ${path}: ${why}`, cause });
  } finally {
    waited.abort();
  }
  return async () => {
    child.stdin?.end();
    await child.ended;
  };
}
