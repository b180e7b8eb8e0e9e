import { ccnp, cnp, netpol } from './test-world.ts';

/** Numbers from 0 up to 1, the same ones for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Chances for the tests, by random numbers. */
export type Chance = {
  below: (limit: number) => number;
  of: <T>(choices: readonly T[]) => T;
  /** Up to `most` of what `make` gives, one at least. */
  some: <T>(most: number, make: () => T) => T[];
};

export function chance(seed: number): Chance {
  const next = randomNumbers(seed);
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    of: (choices) => choices[below(choices.length)] as (typeof choices)[number],
    some: (most, make) => Array.from({ length: 1 + below(most) }, make),
  };
}

/** Ports at which something is apt to begin or end. */
export const ports = [1, 53, 79, 80, 81, 90, 91, 443, 5432, 8080, 8081, 65535];
const nestedCidrs = ['0.0.0.0/0', '10.0.0.0/8', '10.1.0.0/16', '10.1.1.0/24', '10.1.1.1/32', '10.2.0.0/16'];
const nestedCidrs6 = ['::/0', '::/64', 'fd00::/8', 'fd00:1::/32', 'fd00:1:1::/48'];
const holes: Readonly<Record<string, readonly string[]>> = {
  '0.0.0.0/0': ['10.0.0.0/8', '10.1.1.0/24'],
  '10.0.0.0/8': ['10.1.0.0/16', '10.1.1.1/32', '10.2.0.0/16'],
  '10.1.0.0/16': ['10.1.1.0/24'],
  '::/0': ['fd00::/8', '::/64'],
  'fd00::/8': ['fd00:1::/32', 'fd00:1:1::/48'],
};

/** One to five documents as users might write them; all valid. */
export function randomPolicies(random: Chance): object[] {
  let count = 0;
  return random.some(5, () => {
    const name = `p${count++}`;
    const kind = random.below(4);
    if (kind === 0) return netpol(kubernetesSpec(random), name);
    return kind === 1 ? ccnp(ciliumSpec(random), name) : cnp(ciliumSpec(random), name);
  });
}

function ciliumSpec(random: Chance): object {
  const fields = random.some(3, () => random.of(['ingress', 'ingressDeny', 'egress', 'egressDeny']));
  return {
    endpointSelector: selector(random),
    ...(random.below(5) === 0 && {
      enableDefaultDeny: { ingress: random.below(2) === 0, egress: random.below(2) === 0 },
    }),
    ...Object.fromEntries(fields.map((field) => [field, random.some(3, () => ciliumRule(random, field))])),
  };
}

function selector(random: Chance): object {
  return random.of([
    {},
    {},
    { matchLabels: { app: 'web' } },
    { matchLabels: { app: 'db' } },
    { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['back'] }] },
    { matchExpressions: [{ key: 'k8s:app', operator: 'Exists' }] },
  ]);
}

function ciliumRule(random: Chance, field: string): object {
  const prefix = field.startsWith('ingress') ? 'from' : 'to';
  const peers = random.of([
    {},
    { [`${prefix}Endpoints`]: random.some(2, () => peerSelector(random)) },
    {
      [`${prefix}Entities`]: random.some(2, () =>
        random.of(['all', 'world', 'cluster', 'host', 'remote-node', 'none']),
      ),
    },
    { [`${prefix}CIDR`]: random.some(2, () => random.of([...nestedCidrs, ...nestedCidrs6])) },
    { [`${prefix}CIDRSet`]: random.some(2, () => cidrSet(random)) },
  ]);
  const kind = random.below(5);
  if (kind === 0) return peers;
  if (kind === 1) return { ...peers, icmps: [{ fields: random.some(2, () => icmpField(random)) }] };
  return { ...peers, toPorts: [{ ports: random.some(3, () => ciliumPort(random)) }] };
}

function peerSelector(random: Chance): object {
  return random.of([
    selector(random),
    { matchLabels: { 'k8s:io.kubernetes.pod.namespace': 'bank' } },
    { matchLabels: { 'io.cilium.k8s.namespace.labels.team': 'blue', app: 'db' } },
    { matchExpressions: [{ key: 'io.kubernetes.pod.namespace', operator: 'NotIn', values: ['bank'] }] },
    { matchLabels: { 'reserved:remote-node': '' } },
  ]);
}

function cidrSet(random: Chance): object {
  const cidr = random.of(Object.keys(holes));
  return { cidr, except: random.below(3) === 0 ? [] : random.some(2, () => random.of(holes[cidr] ?? [])) };
}

function icmpField(random: Chance): object {
  return random.of([{ type: 8 }, { type: 'EchoReply' }, { family: 'IPv6', type: 'EchoRequest' }]);
}

function ciliumPort(random: Chance): object {
  const protocol = random.of([{}, { protocol: 'ANY' }, { protocol: 'TCP' }, { protocol: 'UDP' }, { protocol: 'SCTP' }]);
  const port = random.of(ports);
  const range = random.below(3) === 0 ? { endPort: Math.min(65535, port + random.of([1, 10, 11, 363, 9000])) } : {};
  return {
    ...random.of([{ port: String(port), ...range }, { port: 'http' }, { port: 'dns' }, { port: '0' }]),
    ...protocol,
  };
}

function kubernetesSpec(random: Chance): object {
  return {
    podSelector: plainSelector(random),
    ...(random.below(2) === 0 && { policyTypes: random.of([['Ingress'], ['Egress'], ['Ingress', 'Egress']]) }),
    ...(random.below(4) !== 0 && { ingress: random.some(2, () => kubernetesRule(random, 'from')) }),
    ...(random.below(2) === 0 && { egress: random.some(2, () => kubernetesRule(random, 'to')) }),
  };
}

function kubernetesRule(random: Chance, peers: 'from' | 'to'): object {
  return {
    ...(random.below(4) !== 0 && { [peers]: random.some(2, () => kubernetesPeer(random)) }),
    ...(random.below(3) !== 0 && { ports: random.some(2, () => kubernetesPort(random)) }),
  };
}

function kubernetesPeer(random: Chance): object {
  const namespaceSelector = random.of([{}, { matchLabels: { team: 'blue' } }]);
  return random.of([
    { podSelector: plainSelector(random) },
    { namespaceSelector },
    { namespaceSelector, podSelector: plainSelector(random) },
    { ipBlock: cidrSet(random) },
  ]);
}

function kubernetesPort(random: Chance): object {
  const port = random.of(ports);
  return random.of([{ port }, { port, endPort: Math.min(65535, port + 10), protocol: 'UDP' }, { port: 'http' }, {}]);
}

function plainSelector(random: Chance): object {
  return random.of([
    {},
    { matchLabels: { app: 'web' } },
    { matchExpressions: [{ key: 'app', operator: 'In', values: ['db'] }] },
  ]);
}
