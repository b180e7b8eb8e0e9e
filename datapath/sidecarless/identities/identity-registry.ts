import { createHash } from 'node:crypto';
import type { KubernetesObject } from '@kubernetes/client-node';
import type { Kube } from '../../../clusters/kube/kube.ts';
import { numbers } from '../abi/numbers.ts';
import type { Identity } from '../policy/identity.ts';
import type { Labels } from '../policy/selector.ts';

/** What an identity is in the API: its name is its number, so that two agents cannot give it to different labels. */
export type IdentityObject = KubernetesObject & { spec: { labels: Record<string, string> } };

export const identityResource = {
  group: 'datapath-lab.dev',
  version: 'v1',
  kind: 'Identity',
  plural: 'identities',
} as const;

const path = `/apis/${identityResource.group}/${identityResource.version}/${identityResource.plural}`;

/** Of pods: 256 to 65535, as Cilium has it. */
const first = numbers.identity.IDENTITY_FIRST_POD;
const count = 65_536 - first;

/** Of what several pods wait for, an answer that never comes must not be the end. */
const claimLimitMs = 10_000;

/** Numbers of labels, the same in the whole cluster: who needs one first makes it. They are never taken back. */
export type IdentityRegistry = {
  /** Whether all that were there have been read. */
  readonly synced: boolean;
  /** Null until it is known: {@link IdentityRegistry.ensure} sees to it. */
  find(labels: Labels): number | null;
  /** @throws ApiError where the API server has anything against it. */
  ensure(labels: Labels): Promise<number>;
  all(): readonly Identity[];
  labelsOf(id: number): Labels | null;
};

/** Watches the identities of the cluster until the signal aborts, and calls back after each change. */
export function watchIdentities(
  kube: Kube,
  { signal, onChange }: { signal: AbortSignal; onChange: () => void },
): IdentityRegistry {
  const byLabels = new Map<string, number>();
  const byNumber = new Map<number, Identity>();
  const learn = (id: number, labels: Labels): void => {
    const key = keyOf(labels);
    const known = byLabels.get(key);
    // Never more than one, but if there were, all agents must mean the same.
    if (known === undefined || id < known) byLabels.set(key, id);
    if (byNumber.has(id)) return;
    byNumber.set(id, { id, labels });
    onChange();
  };
  /** Those under way: several pods of the same labels start at once, and the agent names them itself. */
  const claims = new Map<number, Promise<Labels>>();
  const claimOnce = (id: number, labels: Labels): Promise<Labels> => {
    const known = claims.get(id);
    if (known !== undefined) return known;
    const stop = AbortSignal.any([signal, AbortSignal.timeout(claimLimitMs)]);
    const claimed = claim(kube, id, labels, stop).finally(() => claims.delete(id));
    claims.set(id, claimed);
    return claimed;
  };
  let synced = false;
  kube.inform<IdentityObject>(path, {
    signal,
    onSync() {
      synced = true;
    },
    onChange(object, deleted) {
      const id = Number(object.metadata?.name);
      if (!deleted && Number.isInteger(id)) learn(id, object.spec.labels);
    },
  });
  const registry: IdentityRegistry = {
    get synced() {
      return synced;
    },
    find: (labels) => byLabels.get(keyOf(labels)) ?? null,
    async ensure(labels) {
      const key = keyOf(labels);
      const from = createHash('sha256').update(key).digest().readUInt32LE(0) % count;
      for (let step = 0; step < count; step++) {
        const known = byLabels.get(key);
        if (known !== undefined) return known;
        const id = first + ((from + step) % count);
        const owner = byNumber.get(id)?.labels ?? (await claimOnce(id, labels));
        learn(id, owner);
        if (keyOf(owner) === key) return id;
      }
      throw new Error('all identities are in use');
    },
    all: () => [...byNumber.values()],
    labelsOf: (id) => byNumber.get(id)?.labels ?? null,
  };
  return registry;
}

/** Makes an identity, or reads the one that has the number already. @returns its labels. */
async function claim(kube: Kube, id: number, labels: Labels, signal: AbortSignal): Promise<Labels> {
  const body = {
    apiVersion: `${identityResource.group}/${identityResource.version}`,
    kind: identityResource.kind,
    metadata: { name: String(id) },
    spec: { labels },
  };
  const response = await kube.request('POST', path, { body, signal });
  const text = await response.text();
  if (response.ok) return labels;
  if (response.status !== 409) throw new Error(`identity ${id} could not be made: ${response.status} ${text}`);
  return (await kube.json<IdentityObject>('GET', `${path}/${id}`, { signal })).spec.labels;
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
