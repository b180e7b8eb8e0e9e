import { type Cidr, coversIpv4, parseCidr } from '../address/cidr.ts';
import type { Rule } from './rule.ts';

const allOfIpv4 = parseCidr('0.0.0.0/0') as Cidr;

/**
 * The ranges that must have identities for the rules to be told apart, exceptions included, without repetition. An
 * address has the identity of the longest one that it lies in.
 */
export function cidrsOf(rules: readonly Rule[]): Cidr[] {
  const found = new Map<string, Cidr>();
  for (const rule of rules) {
    if (rule.effect === 'isolate') continue;
    for (const peer of rule.peers) {
      if (peer.kind !== 'cidr') continue;
      for (const cidr of [peer.cidr, ...peer.except]) {
        found.set(cidr.text, cidr);
        // Or an IPv4 address, which the kernel looks up as ::ffff:a.b.c.d, would have the identity of ::/0.
        if (coversIpv4(cidr)) found.set(allOfIpv4.text, allOfIpv4);
      }
    }
  }
  return [...found.values()];
}
