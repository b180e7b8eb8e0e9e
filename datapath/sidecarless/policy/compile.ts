import { numbers } from '../abi/numbers.ts';
import { hostIdentity, type Identity } from './identity.ts';
import { isPeer } from './peer-match.ts';
import { placesOf, prefixesOf, wholeSpace } from './port-space.ts';
import {
  type Direction,
  directionNumbers,
  localNodeRule,
  type NamedPort,
  type NamedPorts,
  type PeerRule,
  type Rule,
} from './rule.ts';
import type { RuleTable } from './rule-table.ts';
import { type Labels, selects } from './selector.ts';
import { isImplied, type Segment, settle } from './verdict-map.ts';

/** An entry of an endpoint's policy map, as `struct policy_key` and `struct policy_entry` have it. */
export type PolicyEntry = {
  /** 0: everybody. */
  identity: number;
  direction: 0 | 1;
  protocol: number;
  /** For ICMP: the type. */
  port: number;
  /** How many bits of protocol and port count, 0 to 24; the others are 0. */
  prefixBits: number;
  deny: boolean;
  /** Number of a rule that decides so; 0: none in particular. */
  rule: number;
};

/** What an endpoint's flags and its policy map have to hold. Without entries an endpoint that is policed is cut off. */
export type CompiledPolicy = { policeIngress: boolean; policeEgress: boolean; entries: readonly PolicyEntry[] };

export type CompileInput = {
  /** The pod: its labels, as its identity has them. */
  endpoint: { labels: Labels };
  /** Of all policies, those that select other endpoints included. */
  rules: readonly Rule[];
  /** All that are known, those of {@link cidrsOf} included. Others are let in only by rules for everybody. */
  identities: readonly Identity[];
  namedPorts: NamedPorts;
  table: RuleTable;
};

/** Identity under which entries for everybody stand. */
export const everybody = numbers.identity.IDENTITY_UNKNOWN;

/**
 * Turns rules into one endpoint's map, in which the kernel looks up a packet by the peer's identity, longest prefix
 * first, and only if nothing is found by {@link everybody}. The prefixes of one identity are disjoint.
 */
export function compile(input: CompileInput): CompiledPolicy {
  const selected = input.rules.filter(({ subject }) => selects(subject, input.endpoint.labels));
  const ingress = compileDirection(input, selected, 'ingress');
  const egress = compileDirection(input, selected, 'egress');
  return {
    policeIngress: ingress.police,
    policeEgress: egress.police,
    entries: [...ingress.entries, ...egress.entries],
  };
}

function compileDirection(
  { identities, namedPorts, table }: CompileInput,
  selected: readonly Rule[],
  direction: Direction,
): { police: boolean; entries: PolicyEntry[] } {
  const mine = selected.filter((rule) => rule.direction === direction);
  const isolated = mine.some(({ effect }) => effect === 'isolate');
  const rules = mine.filter((rule): rule is PeerRule => rule.effect !== 'isolate');
  if (!isolated && !rules.some(({ effect }) => effect === 'deny')) return { police: false, entries: [] };

  const own = direction === 'ingress' ? namedPorts.own : [];
  const settled = new Map<string, Segment[]>();
  const settleRules = (matching: readonly PeerRule[], named: readonly NamedPort[], isHost: boolean): Segment[] => {
    const numbers = matching.map(({ name }) => table.numberOf(name));
    // Many identities are matched by the same rules.
    const key = JSON.stringify([numbers, named, isHost]);
    const before = settled.get(key);
    if (before !== undefined) return before;
    const segments = settle([
      ...matching.map(({ effect, ports }, index) => ({
        deny: effect === 'deny',
        rule: numbers[index] ?? 0,
        places: placesOf(ports, named),
      })),
      ...(isHost ? [{ deny: false, rule: table.numberOf(localNodeRule), places: [wholeSpace] }] : []),
      // Denials without default deny: what they leave is allowed by no rule in particular.
      ...(isolated ? [] : [{ deny: false, rule: 0, places: [wholeSpace] }]),
    ]);
    settled.set(key, segments);
    return segments;
  };

  const forEverybody = rules.filter(({ peers }) => peers.some(({ kind }) => kind === 'everybody'));
  const common = settleRules(forEverybody, own, false);
  const all = identities.some(({ id }) => id === hostIdentity.id) ? identities : [hostIdentity, ...identities];
  return {
    police: true,
    entries: [
      ...entriesOf(everybody, direction, common),
      ...all.flatMap((identity) => {
        const named = direction === 'ingress' ? own : (namedPorts.ofIdentity.get(identity.id) ?? []);
        const isHost = direction === 'ingress' && identity.id === hostIdentity.id;
        const matching = rules.filter(({ peers }) => isPeer(peers, identity));
        const segments = settleRules(matching, named, isHost).filter((segment) => !isImplied(segment, common));
        return entriesOf(identity.id, direction, segments);
      }),
    ],
  };
}

function entriesOf(identity: number, direction: Direction, segments: readonly Segment[]): PolicyEntry[] {
  return segments.flatMap(({ deny, rule, ...interval }) =>
    prefixesOf(interval).map(({ place, bits }) => ({
      identity,
      direction: directionNumbers[direction],
      protocol: place >> 16,
      port: place & 0xffff,
      prefixBits: bits,
      deny,
      rule,
    })),
  );
}
