/** Tells those who want to know that something has changed, in the order in which they have asked for it. */
export class Changes {
  readonly #listeners: (() => void)[] = [];

  /** A function by itself, to be given to who sees the change. */
  readonly tell = (): void => {
    for (const listener of this.#listeners) listener();
  };

  each(listener: () => void): void {
    this.#listeners.push(listener);
  }
}
