import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { exec } from '../../clusters/exec.ts';
import { testInNamespaces } from '../../clusters/netns/tests/namespaces.ts';
import { redirectRules } from './redirect-rules.ts';

testInNamespaces(import.meta.filename, () => {
  test('what the kernel lists back is the golden list, however often it is applied', async () => {
    const golden = readFileSync(join(import.meta.dirname, 'golden/iptables-save.txt'), 'utf8');
    for (let round = 0; round < 2; round++) {
      await exec('iptables-restore', [], { input: redirectRules() });
      const { stdout } = await exec('iptables-save', ['-t', 'nat']);
      assert.equal(withoutCounters(stdout), golden);
    }
  });
});

/** The listing without comments and packet counts. */
function withoutCounters(saved: string): string {
  return saved
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ''))
    .join('\n');
}
