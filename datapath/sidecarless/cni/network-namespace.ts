import { stat } from 'node:fs/promises';

/** Whether the path is a network namespace, and not the empty file that a removed one may leave. */
export async function isNetworkNamespace(path: string): Promise<boolean> {
  const [there, own] = await Promise.all([stat(path).catch(() => null), stat('/proc/self/ns/net')]);
  // Namespaces are files of a file system of their own.
  return there !== null && there.dev === own.dev;
}
