import { chmod, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import type { Server } from 'node:net';
import { dirname, join } from 'node:path';

/**
 * Lets a server listen on a unix socket that only its owner may connect to. One that is there already is replaced by one
 * rename, so that clients find the old one or the new one.
 * @returns removes the socket, unless another one has replaced it.
 */
export async function listenOnSocket(server: Server, path: string): Promise<() => Promise<void>> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // Nobody else gets into this directory while the socket has other mode bits.
  const draft = await mkdtemp(join(dirname(path), '.socket-'));
  try {
    const socket = join(draft, 's');
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socket, () => {
        server.off('error', reject);
        resolve();
      });
    });
    await chmod(socket, 0o600);
    await rename(socket, path);
  } finally {
    await rm(draft, { recursive: true });
  }
  const { ino } = await stat(path);
  return async () => {
    const there = await stat(path).catch(() => null);
    if (there?.ino === ino) await rm(path, { force: true });
  };
}
