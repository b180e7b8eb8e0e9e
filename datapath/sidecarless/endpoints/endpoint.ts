import { localBytes, masqueradedBytes } from '../abi/connection.ts';
import { endpointOf, endpointRecord } from '../abi/endpoint.ts';
import { numbers } from '../abi/numbers.ts';
import { policyKey, policyRecord } from '../abi/policy.ts';
import { parseAddress } from '../address/address.ts';
import type { PodFacts } from '../cluster/pod-facts.ts';
import type { PodEndpoint } from '../cni/endpoint.ts';
import type { BpfMap, MapEntry } from '../libbpf/map.ts';
import type { Datapath } from '../maps/datapath.ts';
import type { Mirror } from '../maps/mirror.ts';
import { namespaceCookie } from '../netlink/network-namespace.ts';
import type { CompiledPolicy, PolicyEntry } from '../policy/compile.ts';
import { diff, keyOf } from '../policy/diff.ts';
import type { PolicyMaps } from './policy-maps.ts';

/** Cuts a pod off. */
export const nothing: CompiledPolicy = { policeIngress: true, policeEgress: true, entries: [] };

/** A local pod whose programs and policy are loaded. */
export type Endpoint = {
  /** The number of its policy, which no other endpoint of the node has; agents that follow each other keep it. */
  readonly id: number;
  readonly link: PodEndpoint;
  pod: PodFacts;
  identity: number;
  /**
   * Makes the map say what the policy says: `grant` before addresses are given to others, `revoke` after. Where what is
   * granted cannot be written, nothing is: then `revoke` leaves the pod cut off, until it can.
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

export type EndpointMaps = {
  datapath: Pick<Datapath, 'connections' | 'masqueraded'>;
  policies: Pick<PolicyMaps, 'take' | 'replace' | 'remove'>;
  endpoints: Mirror;
};

/**
 * Loads a pod's policy. Programs at its link know the pod after the first `grant`. Where an earlier agent has loaded a
 * policy, this one takes its place whole.
 */
export async function openEndpoint(
  { datapath, policies, endpoints }: EndpointMaps,
  link: PodEndpoint,
  { pod, identity, policy: first }: { pod: PodFacts; identity: number; policy: CompiledPolicy },
): Promise<Endpoint> {
  const keys = link.addresses.map(parseAddress);
  const netns = namespaceCookie(link.netns);
  const entries = first.entries.map(entryOf);
  const records = keys.map((key) => endpoints.get(key)).filter((record) => record !== null);
  const known = records.map(endpointOf).find(({ ifindex }) => ifindex === link.ifindex);
  const own = known === undefined ? await policies.take(entries) : await policies.replace(known.id, entries);
  const { id, map } = own;
  let granted: CompiledPolicy | null = null;
  /** What is in the map for certain, and, by their keys, whatever may be. */
  let written: readonly PolicyEntry[] = first.entries;
  const present = new Map(first.entries.map((entry) => [keyOf(entry), entry]));
  const writeRecord = (): boolean => {
    const { policeIngress, policeEgress } = granted ?? nothing;
    const { ENDPOINT_POLICE_INGRESS, ENDPOINT_POLICE_EGRESS, ENDPOINT_NO_SHORTCUT } = numbers.endpoint_flag;
    const flags =
      (policeIngress ? ENDPOINT_POLICE_INGRESS : 0) |
      (policeEgress ? ENDPOINT_POLICE_EGRESS : 0) |
      (endpoint.pod.shortcut ? 0 : ENDPOINT_NO_SHORTCUT);
    const { ifindex, mac, nodeMac } = link;
    const value = endpointRecord({ id, ifindex, identity: endpoint.identity, flags, netns, mac, nodeMac });
    return endpoints.put(keys.map((key) => ({ key, value })));
  };
  const endpoint: Endpoint = {
    id,
    link,
    pod,
    identity,
    grant(policy) {
      const { put } = diff(written, policy.entries);
      if (put.length > 0) {
        // Of a batch that fails, some may have been written.
        written = [];
        for (const entry of put) present.set(keyOf(entry), entry);
        try {
          map.updateAll(put.map(entryOf));
        } catch (error) {
          granted = nothing;
          writeRecord();
          throw error;
        }
      }
      written = policy.entries;
      granted = policy;
      return writeRecord() || put.length > 0;
    },
    revoke() {
      // All that is granted is there.
      if (granted === null || present.size === granted.entries.length) return false;
      const gone = diff([...present.values()], granted.entries).delete;
      for (const entry of gone) {
        map.delete(policyKey(entry));
        present.delete(keyOf(entry));
      }
      return gone.length > 0;
    },
    get policy() {
      return granted;
    },
    lookup: (key) => map.lookup(key),
    async remove() {
      endpoints.remove(keys);
      // Another pod gets the address one day, and must not get its connections, nor what still comes for them.
      const isOwn = (address: Uint8Array): boolean => keys.some((own) => Buffer.compare(own, address) === 0);
      deleteWhere(datapath.connections, (key) => isOwn(localBytes(key)));
      deleteWhere(datapath.masqueraded, (key, value) => masqueradedBytes(key, value).some(isOwn));
      await policies.remove(own);
    },
  };
  return endpoint;
}

/** What programs put into the map meanwhile may stay. */
function deleteWhere(map: BpfMap, isMeant: (key: Uint8Array, value: Uint8Array) => boolean): void {
  const found: Uint8Array[] = [];
  map.scan((key, value) => {
    if (isMeant(key, value)) found.push(key.slice());
  });
  map.deleteAll(found);
}

function entryOf(entry: PolicyEntry): MapEntry {
  return { key: policyKey(entry), value: policyRecord(entry) };
}
