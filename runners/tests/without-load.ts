import type { ExecResult } from '../../clusters/exec.ts';
import type { Comparison } from '../../results/comparison.ts';

/**
 * For tests: a run with --json, made again where a row was given up because a busy machine kept it from its rate: that
 * says nothing of its evidence.
 */
export async function judgedRun(run: () => Promise<ExecResult>): Promise<ExecResult> {
  for (let attempt = 1; ; attempt++) {
    const result = await run();
    if (attempt === 3 || result.stdout === '') return result;
    const { rows } = JSON.parse(result.stdout) as Comparison;
    if (!rows.some(({ reason }) => /^It was stopped after .* requests\/s were asked for/.test(reason ?? '')))
      return result;
  }
}

/** For tests: why a row is invalid, but for what a busy machine does to the generator's timetable. */
export function withoutLoad(reason: string): string {
  return reason
    .replace(/The generator did not keep its timetable: [^%]* %? ?\(at most [\d.]+ %\)\./g, '')
    .replace(/[\d.]+ requests\/s were asked for and [^%]* % \(at least [\d.]+ %\)\./g, '')
    .trim();
}
