import { numbers } from '../../../datapath/sidecarless/abi/numbers.ts';
import { formatAddress, parseAddress } from '../../../datapath/sidecarless/address/address.ts';
import { type Cidr, parseCidr } from '../../../datapath/sidecarless/address/cidr.ts';
import { compile } from '../../../datapath/sidecarless/policy/compile.ts';
import { decide } from '../../../datapath/sidecarless/policy/decide.ts';
import {
  cidrLabels,
  cidrOf,
  hostIdentity,
  type Identity,
  reservedIdentities,
} from '../../../datapath/sidecarless/policy/identity.ts';
import { parsePolicy } from '../../../datapath/sidecarless/policy/parse.ts';
import { RuleTable } from '../../../datapath/sidecarless/policy/rule-table.ts';
import { type Chance, randomPolicies } from '../../../datapath/sidecarless/tests/random-policies.ts';
import { identitiesFor, inputFor, namedPorts, podOf } from '../../../datapath/sidecarless/tests/test-world.ts';
import type { Datapath } from './datapath.ts';
import { mac } from './frame.ts';
import type { Links } from './links.ts';
import type { Judge, ModelPod } from './model.ts';

type Someone = { identity: Identity; addresses: readonly string[] };

const localPods = ['shop/web', 'shop/db', 'bank/web'] as const;
export const linkNames = localPods.map((_, index) => `pod-${index}`);

const remoteNode = reservedIdentities.find(({ id }) => id === numbers.identity.IDENTITY_REMOTE_NODE) as Identity;

/** Everybody who has an identity of the cluster's, by address. */
const cluster: readonly Someone[] = [
  ...localPods.map((name, index) => ({
    identity: podOf(name),
    addresses: [`10.244.1.${10 + index}`, `fd00:244:1::${10 + index}`],
  })),
  { identity: podOf('bank/db'), addresses: ['10.244.2.20', 'fd00:244:2::20'] },
  { identity: podOf('shop/web'), addresses: ['10.244.2.21', 'fd00:244:2::21'] },
  { identity: hostIdentity, addresses: ['10.1.0.1', 'fd00:1::1'] },
  { identity: remoteNode, addresses: ['10.1.0.2', 'fd00:1::2'] },
];

/** By address, all of one family; outsiders are at the borders of the ranges that random policies name. */
export const addresses = {
  v4: {
    local: cluster.slice(0, 3).map(({ addresses }) => addresses[0] as string),
    others: cluster.slice(3).map(({ addresses }) => addresses[0] as string),
    outside: ['10.1.1.1', '10.1.1.2', '10.1.2.1', '10.2.0.9', '10.77.0.1', '192.0.2.1'],
  },
  v6: {
    local: cluster.slice(0, 3).map(({ addresses }) => addresses[1] as string),
    others: cluster.slice(3).map(({ addresses }) => addresses[1] as string),
    outside: ['fd00:1:1::5', 'fd00:1:2::5', 'fd00:2::5', '2001:db8::1', '::2'],
  },
} as const;

export const node = { v4: '10.1.0.1', v6: 'fd00:1::1' };

const hexByText = new Map<string, string>();

/** An address as the model has it. */
export function hexOf(address: string): string {
  const hex = hexByText.get(address) ?? Buffer.from(parseAddress(address)).toString('hex');
  hexByText.set(address, hex);
  return hex;
}

/** Local pods as the model has them. */
export function modelPods(links: Links): ModelPod[] {
  return localPods.map((name, index) => ({
    name,
    addresses: (cluster[index]?.addresses ?? []).map(hexOf),
    endpoint: 21 + index,
    link: links[linkNames[index] ?? ''] ?? 0,
    mac: mac(`0a:00:00:00:00:0${index}`),
    nodeMac: mac(`0e:00:00:00:00:0${index}`),
  }));
}

/** Puts the cluster's addresses into the maps. */
export function identifyCluster(datapath: Datapath): void {
  const { IPCACHE_CLUSTER, IPCACHE_LOCAL } = numbers.ipcache_flag;
  cluster.forEach(({ identity, addresses }, index) => {
    const isLocal = index < localPods.length || identity === hostIdentity;
    const flags = IPCACHE_CLUSTER | (isLocal ? IPCACHE_LOCAL : 0);
    for (const address of addresses) {
      const bits = address.includes(':') ? 128 : 32;
      datapath.setIdentity(`${address}/${bits}`, { identity: identity.id, flags, node: '::' });
    }
  });
}

/**
 * Writes random policies for users, compiles them into the maps, and returns what they say, straight from their rules.
 * `ranges` are those that were put into the ipcache before; they are taken out.
 */
export function loadPolicies(
  datapath: Datapath,
  pods: readonly ModelPod[],
  random: Chance,
  ranges: readonly string[],
): { judge: Judge; ranges: readonly string[] } {
  const rules = randomPolicies(random).flatMap((document) => parsePolicy(document).rules);
  for (const range of ranges) datapath.deleteIdentity(range);
  const known = identitiesFor(rules).flatMap((identity) => {
    const cidr = cidrOf(identity);
    return cidr === null ? [] : [{ cidr: cidr.text, identity: identity.id }];
  });
  for (const { cidr, identity } of known) datapath.setIdentity(cidr, { identity, flags: 0, node: '::' });

  const policed = new Map<string, boolean>();
  for (const pod of pods) {
    const compiled = compile(inputFor(pod.name, rules, new RuleTable()));
    policed.set(`${pod.name}/INGRESS`, compiled.policeIngress);
    policed.set(`${pod.name}/EGRESS`, compiled.policeEgress);
    datapath.setPolicy(pod.endpoint, compiled.entries);
    const { ENDPOINT_POLICE_INGRESS: ingress, ENDPOINT_POLICE_EGRESS: egress } = numbers.endpoint_flag;
    const flags = (compiled.policeIngress ? ingress : 0) | (compiled.policeEgress ? egress : 0);
    const macs = { mac: Uint8Array.from(pod.mac), node_mac: Uint8Array.from(pod.nodeMac) };
    const index = pods.indexOf(pod);
    for (const address of cluster[index]?.addresses ?? []) {
      const { endpoint: id, link: ifindex } = pod;
      datapath.setEndpoint(address, { id, ifindex, identity: podOf(pod.name).id, flags, ...macs });
    }
  }

  const peers = new Map<string, Identity>(
    cluster.flatMap(({ identity, addresses }) => addresses.map((address) => [hexOf(address), identity] as const)),
  );
  const answers = new Map<string, ReturnType<Judge>>();
  const judge: Judge = (pod, direction, address, protocol, port) => {
    const question = [pod.name, direction, address, protocol, port].join(' ');
    const before = answers.get(question);
    if (before !== undefined) return before;
    const { verdict } = decide({
      ...{ endpoint: podOf(pod.name), direction: direction === 'INGRESS' ? 'ingress' : 'egress' },
      ...{ peer: peers.get(address) ?? outsider(address), protocol, port, rules, namedPorts },
    });
    const reasons = { allowed: 'FORWARDED', 'no-rule': 'DROP_POLICY', 'denied-by-rule': 'DROP_POLICY_DENY' } as const;
    const answer = { reason: reasons[verdict], isAsked: policed.get(`${pod.name}/${direction}`) ?? false };
    answers.set(question, answer);
    return answer;
  };
  return { judge, ranges: known.map(({ cidr }) => cidr) };
}

/** Somebody outside the cluster, as if that address had an identity of its own. */
function outsider(hex: string): Identity {
  return { id: -1, labels: cidrLabels(parseCidr(formatAddress(Buffer.from(hex, 'hex'))) as Cidr) };
}
