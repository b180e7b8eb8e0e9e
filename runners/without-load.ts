/** For tests: why a row is invalid, but for what a busy machine does to the generator's timetable. */
export function withoutLoad(reason: string): string {
  return reason
    .replace(/The generator did not keep its timetable: [^%]* %? ?\(at most [\d.]+ %\)\./g, '')
    .replace(/[\d.]+ requests\/s were asked for and [^%]* % \(at least [\d.]+ %\)\./g, '')
    .trim();
}
