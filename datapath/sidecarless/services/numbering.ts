/** Gives things numbers that stay theirs. A number that is given up is not given again while others are free. */
export class Numbering {
  readonly #numbers = new Map<string, number>();
  readonly #first: number;
  #next: number;

  constructor(first: number) {
    this.#first = first;
    this.#next = first;
  }

  of(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.#next++;
    this.#numbers.set(name, number);
    return number;
  }

  /** Takes over a number that an earlier process has given. */
  restore(name: string, number: number): void {
    if (number < this.#first) return;
    this.#numbers.set(name, number);
    this.#next = Math.max(this.#next, number + 1);
  }

  forget(name: string): void {
    this.#numbers.delete(name);
  }
}
