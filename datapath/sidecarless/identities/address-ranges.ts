import { createHash } from 'node:crypto';
import { numbers } from '../abi/numbers.ts';
import { type Cidr, parseCidr } from '../address/cidr.ts';
import type { NodeFacts } from '../cluster/node-facts.ts';
import { cidrsOf } from '../policy/cidrs.ts';
import { cidrLabels, type Identity } from '../policy/identity.ts';
import type { Rule } from '../policy/rule.ts';
import type { Labels } from '../policy/selector.ts';
import { reservedLabel } from './reserved-identity.ts';

/** Above all identities of pods. */
const firstIdentity = numbers.identity.IDENTITY_CIDR;
const count = 1 << 24;

/** Addresses outside the cluster that policies can tell from the rest of the world. */
export type AddressRange = { cidr: Cidr; identity: Identity };

/**
 * The node's own numbers of ranges: those that policies name, and API servers that are no nodes of the cluster. A range
 * has the same number in the next agent, whose policies come into maps one after the other.
 */
export class AddressRanges {
  readonly #numbers = new Map<string, number>();
  readonly #labels = new Map<number, Labels>();

  /** An API server's comes last: its address has the identity of both. */
  of(
    rules: readonly Rule[],
    { apiServers, nodes }: { apiServers: readonly string[]; nodes: readonly NodeFacts[] },
  ): AddressRange[] {
    const ofNodes = new Set(nodes.flatMap(({ addresses, externalAddresses }) => [...addresses, ...externalAddresses]));
    const outside = apiServers
      .filter((address) => !ofNodes.has(address))
      .flatMap((address) => parseCidr(`${address}/${address.includes(':') ? 128 : 32}`) ?? []);
    return [
      ...cidrsOf(rules).map((cidr) => this.#range(cidr.text, cidr, cidrLabels(cidr))),
      ...outside.map((cidr) =>
        this.#range(`kube-apiserver ${cidr.text}`, cidr, {
          ...cidrLabels(cidr),
          [reservedLabel('kube-apiserver')]: '',
        }),
      ),
    ];
  }

  /** Null for numbers that are no range's. */
  labelsOf(id: number): Labels | null {
    return this.#labels.get(id) ?? null;
  }

  #range(name: string, cidr: Cidr, labels: Labels): AddressRange {
    const id = this.#numberOf(name);
    this.#labels.set(id, labels);
    return { cidr, identity: { id, labels } };
  }

  #numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    let number = createHash('sha256').update(name).digest().readUIntLE(0, 3);
    while (this.#labels.has(firstIdentity + number)) number = (number + 1) % count;
    this.#numbers.set(name, firstIdentity + number);
    return firstIdentity + number;
  }
}
