import { requireClusterHost } from './cluster-host.ts';
import { clusterPackages, ensurePackages } from './tools/host-packages.ts';

/** Brings a host to where a cluster can start on it: installs the Debian packages that are missing, and says so. */
export async function prepareHost(context: {
  signal: AbortSignal;
  progress: (message: string) => void;
}): Promise<void> {
  requireClusterHost();
  await ensurePackages(clusterPackages, context);
}
