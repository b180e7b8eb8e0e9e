import type { Kube } from './kube.ts';

/** Connects by a kubeconfig file, or as a pod's own service account where no file is given. */
export async function connect(kubeconfig: string | null): Promise<Kube> {
  const { openConnection } = await loadClient();
  return openConnection(kubeconfig);
}

/**
 * Loads the library of API clients: it is large, so it is loaded only for {@link connect}, or before, while the process
 * waits for something else.
 */
export function loadClient(): Promise<typeof import('./connection.ts')> {
  return import('./connection.ts');
}
