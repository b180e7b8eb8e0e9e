import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, test } from 'node:test';
import { LogOptions, readLog } from './reader.ts';
import { LogWriter } from './writer.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lab-log-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function read(log: LogWriter, options: Record<string, string> = {}): Promise<string> {
  const parts = await Array.fromAsync(readLog(log, LogOptions.parse(options), new AbortController().signal));
  return Buffer.concat(parts).toString();
}

async function written(text: string): Promise<LogWriter> {
  const log = await LogWriter.create(join(directory, '0.log'));
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const done = log.record({ stdout, stderr });
  stdout.end(text);
  stderr.end();
  await done;
  return log;
}

test('the tail is counted from the end, over block boundaries', async () => {
  const lines = Array.from({ length: 5000 }, (_, index) => `line ${index} ${'é'.repeat(20)}\n`);
  const log = await written(lines.join(''));
  for (const count of [0, 1, 7, 3000, 5000, 9000]) {
    assert.equal(await read(log, { tailLines: String(count) }), lines.slice(Math.max(0, 5000 - count)).join(''));
  }
  assert.equal(await read(log), lines.join(''));
});

test('bytes, time and stream choose what is shown', async () => {
  const log = await written('one\ntwo\n');
  assert.equal(await read(log, { limitBytes: '5' }), 'one\nt');
  assert.equal(await read(log, { sinceTime: '2999-01-01T00:00:00Z' }), '');
  assert.equal(await read(log, { sinceSeconds: '60' }), 'one\ntwo\n');
  assert.equal(await read(log, { stream: 'Stderr' }), '');
  assert.match(await read(log, { timestamps: 'true' }), /^\S+Z one\n\S+Z two\n$/);
});

test('a follower gets every line, the last one too, over rotations', async () => {
  const log = await LogWriter.create(join(directory, '0.log'), { bytes: 2000, files: 3 });
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const done = log.record({ stdout, stderr });
  stderr.end();
  const following = readLog(log, LogOptions.parse({ follow: 'true' }), new AbortController().signal);
  // A follower that keeps up: one that is two rotations behind loses a file, as kubelet's does.
  for (let index = 0; index < 300; index++) {
    stdout.write(`line ${index}\n`);
    assert.equal(String((await following.next()).value), `line ${index}\n`);
  }
  stdout.end('without newline');
  await done;
  assert.equal(String((await following.next()).value), 'without newline\n');
  assert.equal((await following.next()).done, true);
  assert.equal((await readdir(directory)).length, 3);
});
