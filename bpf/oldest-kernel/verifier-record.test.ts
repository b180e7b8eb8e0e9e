import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { VerifierFigures } from './verifier-figures.ts';
import { departures, readVerifierRecord } from './verifier-record.ts';
import { verifierTable } from './verifier-table.ts';

const bpf = join(import.meta.dirname, '..');

const recorded: VerifierFigures = {
  kernel: '6.1.0-41-cloud-amd64 #1 SMP',
  compiler: 'Debian clang version 14.0.6',
  verifiedInstructions: { sl_small: 100, sl_large: 10_000 },
};

test('counts may grow by a tenth on the same series of kernels', () => {
  const seen = { ...recorded, kernel: '6.1.0-99-cloud-amd64', verifiedInstructions: { sl_small: 110, sl_large: 9 } };
  assert.deepEqual(departures(recorded, seen), []);
  assert.deepEqual(departures(recorded, { ...seen, verifiedInstructions: { sl_small: 111, sl_large: 11_001 } }), [
    'sl_small: the verifier of 6.1.0-99-cloud-amd64 goes through 111 instructions, 100 before',
    'sl_large: the verifier of 6.1.0-99-cloud-amd64 goes through 11001 instructions, 10000 before',
  ]);
});

test('counts of another kernel or compiler say nothing', () => {
  const verifiedInstructions = { sl_small: 1000, sl_large: 1_000_000 };
  assert.deepEqual(departures(recorded, { ...recorded, kernel: '6.18.5', verifiedInstructions }), []);
  assert.deepEqual(departures(recorded, { ...recorded, compiler: 'clang version 18', verifiedInstructions }), []);
});

test('a program that is only there or only recorded is told of, whatever the kernel', () => {
  const seen = { ...recorded, kernel: '6.18.5', verifiedInstructions: { sl_small: 100, sl_new: 5 } };
  assert.deepEqual(departures(recorded, seen), [
    'sl_large is in bpf/verifier.json, and no program',
    'sl_new is not in bpf/verifier.json',
  ]);
});

test('the record has every program, on the oldest kernel and another', async () => {
  const sources = globSync('*.bpf.c', { cwd: bpf }).map((file) => readFileSync(join(bpf, file), 'utf8'));
  const programs = sources.flatMap((text) =>
    [...text.matchAll(/^SEC\("[^"]+"\)\nint (\w+)\(/gm)].map(([, name]) => name),
  );
  const { oldest, running } = await readVerifierRecord();
  assert.match(oldest.kernel, /^6\.1\./);
  for (const { verifiedInstructions } of [oldest, running]) {
    assert.deepEqual(Object.keys(verifiedInstructions).sort(), programs.sort());
  }
});

test('the page of measured figures shows the record', async () => {
  const page = await readFile(join(bpf, '../results/measured.md'), 'utf8');
  const table = verifierTable(await readVerifierRecord());
  assert.ok(page.includes(table), `instead of the table in results/measured.md:\n${table}`);
});
