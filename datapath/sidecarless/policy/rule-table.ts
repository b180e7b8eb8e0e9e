import type { PolicyName, RuleName } from './rule.ts';

/**
 * Numbers by which maps, connections and flows name rules. A rule has the same one in every process that knows no other
 * rule whose number would be the same, so it survives the agent; 0 is no rule.
 */
export class RuleTable {
  readonly #names = new Map<number, RuleName>();
  readonly #numbers = new Map<string, number>();

  /** The rule's number, which is its own until it is forgotten. */
  numberOf(name: RuleName): number {
    const key = keyOf(name);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    let number = hash(key);
    while (number === 0 || this.#names.has(number)) number = (number + 1) >>> 0;
    this.#names.set(number, name);
    this.#numbers.set(key, number);
    return number;
  }

  /** Whose number it is; null for 0 and for rules that are forgotten. */
  nameOf(number: number): RuleName | null {
    return this.#names.get(number) ?? null;
  }

  /** Gives up the numbers of an object's rules, when neither entries nor connections can name them any more. */
  forget({ kind, namespace, name }: PolicyName): void {
    for (const [number, rule] of this.#names) {
      if (rule.kind !== kind || rule.namespace !== namespace || rule.name !== name) continue;
      this.#names.delete(number);
      this.#numbers.delete(keyOf(rule));
    }
  }
}

function keyOf({ kind, namespace, name, path }: RuleName): string {
  return `${kind}/${namespace ?? ''}/${name}/${path}`;
}

/** FNV-1a of 32 bits. */
function hash(text: string): number {
  let sum = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) sum = Math.imul(sum ^ text.charCodeAt(index), 0x01000193);
  return sum >>> 0;
}
