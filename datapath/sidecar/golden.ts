import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Compares with a file of `golden/`; with LAB_RENEW_GOLDEN=1 in the environment, writes it instead. */
export function assertGolden(name: string, actual: unknown): void {
  const path = join(import.meta.dirname, 'golden', name);
  const text = typeof actual === 'string' ? actual : `${JSON.stringify(actual, null, 2)}\n`;
  if (process.env.LAB_RENEW_GOLDEN === '1') writeFileSync(path, text);
  const golden = readFileSync(path, 'utf8');
  if (typeof actual === 'string') assert.equal(actual, golden);
  else assert.deepEqual(JSON.parse(text), JSON.parse(golden));
}
