import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { metrics } from '../../results/metrics.ts';
import { drivers } from './drivers.ts';

const runLoop = join(import.meta.dirname, '../run');

test('every driver fills metrics that there are, and counts what its rate is of', () => {
  const names = metrics.map(({ name }) => name);
  assert.equal(new Set(drivers.map(({ kind }) => kind)).size, drivers.length);
  for (const { kind, metrics: filled, work } of drivers) {
    for (const name of filled) assert.ok(names.includes(name), `${kind} fills ${name}`);
    const rate = metrics.find(({ name, unit }) => filled.includes(name) && unit === `${work}/second`);
    assert.ok(rate !== undefined, `${kind} has a rate of ${work}`);
  }
});

test('the run loop knows no kind of measurement', () => {
  const files = globSync('*.ts', { cwd: runLoop }).filter((file) => !file.endsWith('.test.ts'));
  assert.ok(files.length > 10);
  const kinds = drivers.map(({ kind }) => kind).join('|');
  const knowledge = new RegExp(`\\b(kind\\s*[!=]==|case) '(${kinds})'|load/(${kinds})\\.ts`);
  assert.match("from '../load/bulk.ts'", knowledge);
  assert.match("if (measurement.kind === 'bulk')", knowledge);
  assert.deepEqual(
    files.filter((file) => knowledge.test(readFileSync(join(runLoop, file), 'utf8'))),
    [],
  );
});

test('a driver refuses parameters that are not of its kind, and fills in what has a default', () => {
  for (const { kind, parameters } of drivers) {
    assert.equal(parameters.safeParse({ seconds: 1, warmupSeconds: 0, surprise: 1 }).success, false, kind);
    assert.equal(parameters.safeParse({ seconds: 0, warmupSeconds: 0 }).success, false, kind);
  }
  const [openLoop] = drivers;
  const given = { rate: 10, connections: 1, responseBytes: 1, requestTimeoutSeconds: 1, warmupSeconds: 0, seconds: 1 };
  assert.deepEqual(openLoop?.parameters.parse(given), { ...given, services: 0 });
});
