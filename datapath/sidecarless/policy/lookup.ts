import type { CompiledPolicy, PolicyEntry } from './compile.ts';
import type { Verdict } from './decide.ts';
import { placeBits } from './port-space.ts';
import { type Direction, directionNumbers } from './rule.ts';

/** Peer and port of the packet that opens a connection. */
export type Packet = { identity: number; direction: Direction; protocol: number; port: number };

/** Decides as the kernel does: by flag, by the peer's identity, then by everybody's. */
export function lookup(policy: CompiledPolicy, packet: Packet): { verdict: Verdict; rule: number } {
  const police = packet.direction === 'ingress' ? policy.policeIngress : policy.policeEgress;
  if (!police) return { verdict: 'allowed', rule: 0 };
  const entry = longest(policy.entries, packet) ?? longest(policy.entries, { ...packet, identity: 0 });
  if (entry === undefined) return { verdict: 'no-rule', rule: 0 };
  return { verdict: entry.deny ? 'denied-by-rule' : 'allowed', rule: entry.rule };
}

/** Longest prefix match among the entries of one identity. */
export function longest(entries: readonly PolicyEntry[], packet: Packet): PolicyEntry | undefined {
  let found: PolicyEntry | undefined;
  for (const entry of entries) {
    if (entry.identity !== packet.identity || entry.direction !== directionNumbers[packet.direction]) continue;
    const differing = ((entry.protocol ^ packet.protocol) << 16) | (entry.port ^ packet.port);
    if (differing >>> (placeBits - entry.prefixBits) !== 0) continue;
    if (found === undefined || entry.prefixBits > found.prefixBits) found = entry;
  }
  return found;
}
