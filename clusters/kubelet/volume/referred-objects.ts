import type { KubernetesObject, V1ConfigMap, V1Secret } from '@kubernetes/client-node';
import type { Kube } from '../../kube/kube.ts';

/** What pods refer to, by its plural. */
export type ReferredKinds = { configmaps: V1ConfigMap; secrets: V1Secret };

/** A ConfigMap or Secret that somebody has in use. */
export type Referred<T> = {
  /** The object as last seen, null where there is none; waits for the first list. */
  current(): Promise<T | null>;
  release(): void;
};

/** ConfigMaps and Secrets that pods refer to: each is watched while at least one does, as kubelet does it. */
export type ReferredObjects = {
  acquire<K extends keyof ReferredKinds>(
    kind: K,
    namespace: string,
    name: string,
    onChange: () => void,
  ): Referred<ReferredKinds[K]>;
};

type Watched = {
  synced: Promise<void>;
  get(): KubernetesObject | null;
  users: Set<() => void>;
  stop: AbortController;
};

export function referredObjects(kube: Kube, signal: AbortSignal): ReferredObjects {
  const watched = new Map<string, Watched>();

  const open = (kind: string, namespace: string, name: string): Watched => {
    const stop = new AbortController();
    const users = new Set<() => void>();
    let listed: (() => void) | undefined;
    const synced = new Promise<void>((resolve) => {
      listed = resolve;
    });
    let object: KubernetesObject | null = null;
    kube.inform(`/api/v1/namespaces/${namespace}/${kind}`, {
      signal: AbortSignal.any([signal, stop.signal]),
      fieldSelector: `metadata.name=${name}`,
      onChange: (changed, deleted) => {
        object = deleted ? null : changed;
        for (const notify of users) notify();
      },
      onSync: () => listed?.(),
    });
    return { synced, get: () => object, users, stop };
  };

  return {
    acquire(kind, namespace, name, onChange) {
      const key = `${kind}/${namespace}/${name}`;
      const entry = watched.get(key) ?? open(kind, namespace, name);
      watched.set(key, entry);
      // A function of its own: two users may pass the same one.
      const notify = (): void => onChange();
      entry.users.add(notify);
      return {
        async current() {
          await entry.synced;
          return entry.get();
        },
        release() {
          if (!entry.users.delete(notify) || entry.users.size > 0) return;
          entry.stop.abort();
          if (watched.get(key) === entry) watched.delete(key);
        },
      };
    },
  };
}
