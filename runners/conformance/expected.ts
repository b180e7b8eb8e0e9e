import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { PodRecord } from './record.ts';

const path = join(import.meta.dirname, 'kind.golden.json');

/** Holds a cluster's pods against those of real Kubernetes: kind's, as they were recorded last. */
export function assertConforms(records: Readonly<Record<string, PodRecord>>): void {
  const expected = JSON.parse(readFileSync(path, 'utf8'));
  const differing = Object.keys(records).filter((name) => !isDeepStrictEqual(records[name], expected[name]));
  for (const name of differing) assert.deepEqual(records[name], expected[name], `pods differ: ${differing.join(', ')}`);
  assert.deepEqual(Object.keys(records), Object.keys(expected));
}

/** Takes the pods of a kind cluster for what is expected from now on, with LAB_RENEW_GOLDEN=1 in the environment. */
export function expectFromNowOn(records: Readonly<Record<string, PodRecord>>): void {
  if (process.env.LAB_RENEW_GOLDEN === '1') writeFileSync(path, `${JSON.stringify(records, null, 2)}\n`);
}
