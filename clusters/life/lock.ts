import { createServer, type Server } from 'node:net';
import { LabError } from '../error.ts';

/**
 * Holds the lab's lock for as long as `body` runs.
 * @throws LabError LAB_BUSY when another lab holds it.
 */
export async function withLock<T>(body: () => Promise<T>): Promise<T> {
  const release = await takeLock();
  try {
    return await body();
  } finally {
    await release();
  }
}

/**
 * Makes `up`, `down` and `run` exclude each other on this host. The lock is an abstract unix socket: it cannot outlive
 * its holder, not even after a kill -9.
 * @returns a function that releases it.
 * @throws LabError LAB_BUSY when another lab holds it.
 */
export async function takeLock(): Promise<() => Promise<void>> {
  const server = createServer();
  await listen(server);
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') return reject(error);
      reject(
        new LabError('LAB_BUSY', {
          message: 'Another lab is at work on this machine (`up`, `down` and `run` exclude each other)',
          remedy: 'Wait until it has finished, or end it with Ctrl-C; `lab status` shows what is up.',
        }),
      );
    });
    server.listen('\0datapath-lab', resolve);
  });
}
