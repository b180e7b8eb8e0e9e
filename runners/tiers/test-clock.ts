import { relative } from 'node:path';
import { z } from 'zod';
import type { TestDuration } from './tier.ts';

/** What node:test reports of a test or suite that has ended. */
export const EndedTest = z.object({
  name: z.string(),
  nesting: z.int(),
  file: z.string().optional(),
  details: z.object({ type: z.string().optional(), duration_ms: z.number() }),
});
export type EndedTest = z.infer<typeof EndedTest>;

/** What is not in any test: hooks that bring a cluster up and down, mostly, and the process itself. */
export const besidesTests = '(before and after its tests)';

/** Collects how long tests took, from the events of node:test. Files are told by their paths from `folder`. */
export class TestClock {
  readonly #folder: string;
  readonly #ended: TestDuration[] = [];
  /** Of the file whose process runs, where each file has one: they run one after the other. */
  #ofThisFile: TestDuration[] = [];
  /** How deep the last test of a file stood. */
  readonly #lastNesting = new Map<string, number>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Suites do nothing by themselves, and a test that has tests in it comes after them. */
  ended({ name, nesting, file = '', details }: EndedTest): void {
    const hasTests = this.#lastNesting.get(file) === nesting + 1;
    this.#lastNesting.set(file, nesting);
    if (details.type === 'suite' || hasTests) return;
    this.#ofThisFile.push({ file: relative(this.#folder, file), name, seconds: details.duration_ms / 1000 });
  }

  /**
   * A file's process has ended. Its tests are that file's, though what declares them may stand in another. `inside`: the
   * tests that it ran in another process and told as one.
   */
  fileEnded(path: string, durationMs: number, inside: readonly EndedTest[] = []): void {
    const file = relative(this.#folder, path);
    const isOneForMany = inside.length > 0;
    if (isOneForMany) {
      this.#ofThisFile = [];
      for (const test of inside) this.ended(test);
    }
    const inTests = this.#ofThisFile.reduce((sum, { seconds }) => sum + seconds, 0);
    this.#ended.push(
      ...this.#ofThisFile.map((test) => (isOneForMany ? test : { ...test, file })),
      // Tests that ran side by side took longer than the process.
      { file, name: besidesTests, seconds: Math.max(0, durationMs / 1000 - inTests) },
    );
    this.#ofThisFile = [];
  }

  get durations(): readonly TestDuration[] {
    return [...this.#ended, ...this.#ofThisFile];
  }
}
