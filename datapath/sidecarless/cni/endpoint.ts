import type { PodAddresses, PodName } from './lease.ts';
import { linkIdentity } from './link-identity.ts';

/** A pod's link as programs and policy are attached to it. */
export type PodEndpoint = {
  containerId: string;
  ifname: string;
  /** Path of the pod's network namespace on the node. */
  netns: string;
  pod: PodName;
  /** Without prefix length: one of each of the node's families. */
  addresses: readonly string[];
  /** Interface index of the node's side. */
  ifindex: number;
  /** Link address of the pod, and that of the node's side. */
  mac: string;
  nodeMac: string;
};

/** What detaching is told: addresses are empty where the pod has none any more. */
export type FormerEndpoint = Omit<PodEndpoint, 'ifindex'>;

/** What the agent does with endpoints. */
export type EndpointHooks = {
  /** Resolves when the endpoint's programs and policy are loaded: until then no packet passes. */
  attach(endpoint: PodEndpoint, signal: AbortSignal): Promise<void>;
  /** Forgets the endpoint, whose link is gone. Repeating is no error, nor is an endpoint that never was. */
  detach(endpoint: FormerEndpoint): Promise<void>;
  /** What is missing of what `attach` has loaded, in words; none when all is there. */
  check(endpoint: PodEndpoint, signal: AbortSignal): Promise<readonly string[]>;
};

export function formerEndpoint(lease: PodAddresses): FormerEndpoint {
  const { mac, nodeMac } = linkIdentity(lease);
  return { ...lease, mac, nodeMac };
}

export function podEndpoint(lease: PodAddresses, ifindex: number): PodEndpoint {
  return { ...formerEndpoint(lease), ifindex };
}
