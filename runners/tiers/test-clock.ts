import { relative } from 'node:path';
import type { TestDuration } from './tier.ts';

/** What node:test reports of a test or suite that has ended. */
export type EndedTest = {
  name: string;
  nesting: number;
  file?: string;
  details: { type?: string; duration_ms: number };
};

/** What is not in any test: hooks that bring a cluster up and down, mostly, and the process itself. */
export const besidesTests = '(before and after its tests)';

/** Collects how long tests took, from the events of node:test. Files are told by their paths from `folder`. */
export class TestClock {
  readonly #folder: string;
  readonly #durations: TestDuration[] = [];
  /** How deep the last test of a file stood. */
  readonly #lastNesting = new Map<string, number>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Suites do nothing by themselves, and a test that has tests in it comes after them. */
  ended({ name, nesting, file, details }: EndedTest): void {
    const where = file === undefined ? '' : relative(this.#folder, file);
    const hasTests = this.#lastNesting.get(where) === nesting + 1;
    this.#lastNesting.set(where, nesting);
    if (details.type === 'suite' || hasTests) return;
    this.#durations.push({ file: where, name, seconds: details.duration_ms / 1000 });
  }

  /** A process for one file has ended. Where tests ran side by side nothing is known of the rest. */
  fileEnded(file: string, durationMs: number): void {
    const where = relative(this.#folder, file);
    const inTests = this.#durations
      .filter((test) => test.file === where)
      .reduce((sum, { seconds }) => sum + seconds, 0);
    this.#durations.push({ file: where, name: besidesTests, seconds: Math.max(0, durationMs / 1000 - inTests) });
  }

  get durations(): readonly TestDuration[] {
    return this.#durations;
  }
}
