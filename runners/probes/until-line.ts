import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import type { Process } from '../../clusters/process.ts';

/**
 * For tests: waits until a process has written such a line to standard error.
 * @returns what it had written by then; fails where it ends without.
 */
export async function untilLine({ stderr, ended }: Process, line: RegExp): Promise<string[]> {
  assert.ok(stderr);
  const said: string[] = [];
  for await (const text of createInterface({ input: stderr })) {
    said.push(text);
    if (!line.test(text)) continue;
    // What nobody reads would stop the process in the end.
    stderr.resume();
    return said;
  }
  assert.fail(`it ended before it said ${line}: ${JSON.stringify(await ended)}\n${said.join('\n')}`);
}
