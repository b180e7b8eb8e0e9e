import { numbers } from '../abi/numbers.ts';
import { protocols } from '../abi/protocols.ts';
import { parseCidr } from '../address/cidr.ts';
import { cidrsOf } from '../policy/cidrs.ts';
import type { CompileInput } from '../policy/compile.ts';
import { type Decision, decide } from '../policy/decide.ts';
import { cidrLabels, type Identity, reservedIdentities } from '../policy/identity.ts';
import { parsePolicy } from '../policy/parse.ts';
import { podLabels } from '../policy/pod-labels.ts';
import type { Direction, NamedPorts, Rule } from '../policy/rule.ts';
import { RuleTable } from '../policy/rule-table.ts';

/** A small cluster for the tests: two namespaces of two pods each, as identities. */
const namespaces = {
  shop: { team: 'red', 'kubernetes.io/metadata.name': 'shop' },
  bank: { team: 'blue', 'kubernetes.io/metadata.name': 'bank' },
};

export const podIdentities: Readonly<Record<string, Identity>> = Object.fromEntries(
  Object.entries(namespaces).flatMap(([namespace, labels], row) =>
    ['web', 'db'].map((app, column): [string, Identity] => [
      `${namespace}/${app}`,
      {
        id: numbers.identity.IDENTITY_FIRST_POD + row * 2 + column,
        labels: podLabels(
          { metadata: { namespace, labels: { app, tier: app === 'db' ? 'back' : 'front' } } },
          { metadata: { name: namespace, labels } },
        ),
      },
    ]),
  ),
);

export const namedPorts: NamedPorts = {
  own: [
    { name: 'http', protocol: protocols.TCP, port: 8080 },
    { name: 'dns', protocol: protocols.UDP, port: 53 },
  ],
  ofIdentity: new Map([
    [256, [{ name: 'http', protocol: protocols.TCP, port: 8080 }]],
    [257, [{ name: 'sql', protocol: protocols.TCP, port: 5432 }]],
    [
      258,
      [
        { name: 'http', protocol: protocols.TCP, port: 80 },
        { name: 'http', protocol: protocols.TCP, port: 81 },
        { name: 'dns', protocol: protocols.UDP, port: 53 },
      ],
    ],
  ]),
};

/** Everyone there is: pods, reserved identities, and one for each range that the rules tell apart. */
export function identitiesFor(rules: readonly Rule[]): Identity[] {
  const cidrs = cidrsOf(rules).map((cidr, index) => ({
    id: numbers.identity.IDENTITY_CIDR + index,
    labels: cidrLabels(cidr),
  }));
  return [...reservedIdentities, ...Object.values(podIdentities), ...cidrs];
}

/** What {@link compile} needs for one pod (`shop/web`). */
export function inputFor(pod: string, rules: readonly Rule[], table = new RuleTable()): CompileInput {
  return { endpoint: podOf(pod), rules, identities: identitiesFor(rules), namedPorts, table };
}

/** A pod's identity; it throws where there is no such pod. */
export function podOf(pod: string): Identity {
  const identity = podIdentities[pod];
  if (identity === undefined) throw new Error(`there is no pod ${pod}`);
  return identity;
}

/** What the policies say to `shop/web` of a peer: a pod, an entity such as `host`, or a range such as `10.0.0.0/8`. */
export function ask(
  documents: readonly object[],
  peer: string,
  { pod = 'shop/web', direction = 'ingress', protocol = protocols.TCP, port = 80 }: Partial<AskOptions> = {},
): Decision {
  const rules = documents.flatMap((document) => parsePolicy(document).rules);
  return decide({ endpoint: podOf(pod), direction, peer: peerOf(peer), protocol, port, rules, namedPorts });
}

export type AskOptions = { pod: string; direction: Direction; protocol: number; port: number };

function peerOf(peer: string): Identity {
  const cidr = parseCidr(peer);
  if (cidr !== null) return { id: numbers.identity.IDENTITY_CIDR, labels: cidrLabels(cidr) };
  const reserved = reservedIdentities.find(({ labels }) => `reserved:${peer}` in labels);
  return peer.includes('/') ? podOf(peer) : (reserved ?? { id: 0, labels: { [`reserved:${peer}`]: '' } });
}

const cilium = 'cilium.io/v2';

/** A CiliumNetworkPolicy in the namespace `shop`. */
export function cnp(spec: unknown, name = 'p'): object {
  return { apiVersion: cilium, kind: 'CiliumNetworkPolicy', metadata: { name, namespace: 'shop' }, spec };
}

export function ccnp(spec: unknown, name = 'p'): object {
  return { apiVersion: cilium, kind: 'CiliumClusterwideNetworkPolicy', metadata: { name }, spec };
}

/** A NetworkPolicy in the namespace `shop`. */
export function netpol(spec: unknown, name = 'p'): object {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: 'shop' },
    spec,
  };
}
