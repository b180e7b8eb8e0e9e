import { definitions } from '../abi/numbers.ts';
import type { NamedPort, PortMatch } from './rule.ts';

/**
 * Part of the space of 24 bits in which a place is `protocol << 16 | port`; both ends included. For ICMP a port is a
 * type.
 */
export type Interval = { first: number; last: number };

/** How many bits a place has. */
export const placeBits = definitions.POLICY_FULL_BITS - definitions.POLICY_STATIC_BITS;

/** All protocols and ports. */
export const wholeSpace: Interval = { first: 0, last: 2 ** placeBits - 1 };

/** The places that a rule's ports match, where names mean `named`; overlaps included. */
export function placesOf(ports: readonly PortMatch[], named: readonly NamedPort[]): Interval[] {
  return ports.flatMap((match) => {
    if (match.kind === 'all') return [wholeSpace];
    if (match.kind === 'range') {
      return [{ first: place(match.protocol, match.first), last: place(match.protocol, match.last) }];
    }
    return named
      .filter(({ name, protocol }) => name === match.name && match.protocols.includes(protocol))
      .map(({ protocol, port }) => ({ first: place(protocol, port), last: place(protocol, port) }));
  });
}

/** A place of all that have its first `bits` bits. */
export type Prefix = { place: number; bits: number };

/** The fewest prefixes that make up an interval, in order. */
export function prefixesOf({ first, last }: Interval): Prefix[] {
  const prefixes: Prefix[] = [];
  for (let place = first; place <= last; ) {
    let free = 0;
    while (free < placeBits && place % 2 ** (free + 1) === 0 && place + 2 ** (free + 1) - 1 <= last) free++;
    prefixes.push({ place, bits: placeBits - free });
    place += 2 ** free;
  }
  return prefixes;
}

function place(protocol: number, port: number): number {
  return protocol * 0x10000 + port;
}
