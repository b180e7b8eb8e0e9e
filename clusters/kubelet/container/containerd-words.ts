/** Containerd's words around runc's, for a container that did not start: it makes and starts one in two steps. */
export function createFailure({ message }: Error): string {
  const why = message
    .replace(/^runc run failed/, 'runc create failed')
    // Newer ones say it; kind's node has an older.
    .replace('error during container init: ', '');
  return `failed to create containerd task: failed to create shim task: OCI runtime create failed: ${why}: unknown`;
}

/** Containerd's words around runc's, for a program that did not start in a container. */
export function execFailure(containerId: string, why: string): string {
  return `rpc error: code = Unknown desc = failed to exec in container: failed to start exec "${containerId}": OCI runtime exec failed: ${why}: unknown`;
}
