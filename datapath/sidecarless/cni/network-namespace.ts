import { statSync } from 'node:fs';

/** Whether the path is a network namespace, and not the empty file that a removed one may leave. */
export function isNetworkNamespace(path: string): boolean {
  try {
    // Namespaces are files of a file system of their own.
    return statSync(path).dev === statSync('/proc/self/ns/net').dev;
  } catch {
    return false;
  }
}
