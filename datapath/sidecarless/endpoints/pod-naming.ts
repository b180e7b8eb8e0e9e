import type { ClusterState } from '../cluster/cluster-state.ts';
import type { IdentityRegistry } from '../identities/identity-registry.ts';

/** How long a pod's own node has for it, and between two attempts. */
const patienceMs = 1000;

/**
 * Sees to it that the labels of all pods have a number: those of this node's at once, those of others where their own
 * node has none for them after a while, for not every node has an agent. It waits for nothing and nobody.
 * @returns to be called after each change.
 */
export function podNaming({
  state,
  registry,
  ownNode,
  signal,
}: {
  state: Pick<ClusterState, 'pods'>;
  registry: Pick<IdentityRegistry, 'synced' | 'find' | 'ensure'>;
  ownNode: string;
  signal: AbortSignal;
}): () => void {
  let unnamed = new Map<string, number>();
  let isPlanned = false;
  const nameNow = (): void => {
    if (!registry.synced || signal.aborted) return;
    const now = performance.now();
    const before = unnamed;
    unnamed = new Map();
    for (const pod of state.pods()) {
      const isOwn = pod.node === ownNode;
      if ((!isOwn && pod.addresses.length === 0) || registry.find(pod.labels) !== null) continue;
      const since = before.get(pod.uid) ?? now;
      unnamed.set(pod.uid, since);
      // What is refused is asked for again below.
      if (isOwn || now - since >= patienceMs) registry.ensure(pod.labels).catch(() => undefined);
    }
    if (unnamed.size === 0 || isPlanned) return;
    isPlanned = true;
    setTimeout(() => {
      isPlanned = false;
      nameNow();
    }, patienceMs).unref();
  };
  return nameNow;
}
