import { createPolicyMap, type MapEntry } from '../bpf/map.ts';
import type { PodEndpoint } from '../cni/endpoint.ts';
import { parseAddress } from '../flow/address.ts';
import type { CompiledPolicy, PolicyEntry } from '../policy/compile.ts';
import { diff } from '../policy/diff.ts';
import type { Datapath } from './datapath.ts';
import type { Mirror } from './mirror.ts';
import type { PodFacts } from './pod-facts.ts';
import { endpointFlags, endpointRecord, policyKey, policyRecord, sizes, uint32 } from './records.ts';

/** Entries that one endpoint's policy may have. */
const policyCapacity = 16_384;

/** A local pod whose programs and policy are loaded. */
export type Endpoint = {
  /** The interface index of its link on the node: no other endpoint of the node ever has had it. */
  readonly id: number;
  readonly link: PodEndpoint;
  pod: PodFacts;
  identity: number;
  /**
   * Makes the map say what the policy says: `grant` before addresses are given to others, `revoke` after.
   * @returns whether anything has changed.
   */
  grant(policy: CompiledPolicy): boolean;
  revoke(): boolean;
  /** What was granted last, written or not; null before. */
  readonly policy: CompiledPolicy | null;
  /** What the programs would find in the map. */
  lookup(key: Uint8Array): Uint8Array | null;
  /** Takes programs' knowledge of it away: at once, but for what nobody asks for any more. */
  remove(): Promise<void>;
};

/**
 * Loads a pod's policy. Programs at its link know the pod after the first `grant`. Where an earlier agent has loaded a
 * policy, this one takes its place whole.
 */
export async function openEndpoint(
  { datapath, endpoints }: { datapath: Pick<Datapath, 'policies' | 'connections'>; endpoints: Mirror },
  link: PodEndpoint,
  { pod, identity, policy: first }: { pod: PodFacts; identity: number; policy: CompiledPolicy },
): Promise<Endpoint> {
  const map = createPolicyMap(`sl_policy_${link.ifindex}`.slice(0, 15), {
    keySize: sizes.policyKey,
    valueSize: sizes.policyEntry,
    entries: policyCapacity,
  });
  let granted: CompiledPolicy | null = null;
  let written: readonly PolicyEntry[] = first.entries;
  let stale: readonly PolicyEntry[] = [];
  let flags = 0;
  const keys = link.addresses.map(parseAddress);
  const endpoint: Endpoint = {
    id: link.ifindex,
    link,
    pod,
    identity,
    grant(policy) {
      granted = policy;
      const changes = diff(written, policy.entries);
      map.updateAll(changes.put.map(entryOf));
      stale = changes.delete;
      written = policy.entries;
      flags =
        (policy.policeIngress ? endpointFlags.policeIngress : 0) |
        (policy.policeEgress ? endpointFlags.policeEgress : 0) |
        (endpoint.pod.shortcut ? 0 : endpointFlags.noShortcut);
      const { ifindex, mac, nodeMac } = link;
      const value = endpointRecord({ id: ifindex, ifindex, identity: endpoint.identity, flags, mac, nodeMac });
      const changed = endpoints.put(keys.map((key) => ({ key, value })));
      return changed || changes.put.length > 0;
    },
    revoke() {
      for (const entry of stale) map.delete(policyKey(entry));
      const changed = stale.length > 0;
      stale = [];
      return changed;
    },
    get policy() {
      return granted;
    },
    lookup: (key) => map.lookup(key),
    async remove() {
      endpoints.remove(keys);
      // Another pod gets the address one day, and must not get its connections.
      const former: Uint8Array[] = [];
      datapath.connections.scan((key) => {
        const local = key.subarray(0, sizes.address);
        if (keys.some((address) => Buffer.compare(local, address) === 0)) former.push(key.slice());
      });
      datapath.connections.deleteAll(former);
      await datapath.policies.deleteAside(uint32(link.ifindex));
      map.close();
    },
  };
  map.updateAll(first.entries.map(entryOf));
  await datapath.policies.updateAside(uint32(link.ifindex), uint32(map.fd));
  return endpoint;
}

function entryOf(entry: PolicyEntry): MapEntry {
  return { key: policyKey(entry), value: policyRecord(entry) };
}
