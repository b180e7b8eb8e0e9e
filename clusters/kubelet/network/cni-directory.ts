import { EventEmitter, once } from 'node:events';
import { watch } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { type CniNetwork, loadCniNetwork } from './cni.ts';

/** The network configuration of a node, as it is now: an agent may write it after the node has joined. */
export type CniDirectory = {
  current(): CniNetwork | null;
  /** Resolves as soon as there is one. Rejects when the signal aborts. */
  network(signal: AbortSignal): Promise<CniNetwork>;
};

/** Follows the directory (a path of this process) and tells when a configuration appears, changes or goes. */
export async function watchCniDirectory(
  directory: string,
  { signal, onChange }: { signal: AbortSignal; onChange: () => void },
): Promise<CniDirectory> {
  await mkdir(directory, { recursive: true });
  const loaded = new EventEmitter();
  loaded.setMaxListeners(0);
  let network: CniNetwork | null = null;
  let loading = Promise.resolve();
  const load = (): void => {
    loading = loading.then(async () => {
      const before = network !== null;
      network = await loadCniNetwork(directory);
      if (network !== null) loaded.emit('network');
      if (before !== (network !== null)) onChange();
    });
  };
  const watcher = watch(directory, load);
  watcher.on('error', () => undefined);
  signal.addEventListener('abort', () => watcher.close(), { once: true });
  load();
  await loading;
  return {
    current: () => network,
    async network(waitSignal) {
      while (network === null) await once(loaded, 'network', { signal: waitSignal });
      return network;
    },
  };
}
