import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { allowInotify, type InotifyLimit, resetInotify } from './inotify.ts';

const path = '/proc/sys/fs/inotify/max_user_instances';
const host = limit();

afterEach(() => writeFileSync(path, String(host)));

test('the limit is raised where the nodes need it, recorded before, told of, and put back', async () => {
  const { recorded, told } = await allow(1000);
  assert.ok(recorded !== null && recorded.raised >= 16_000);
  assert.deepEqual(recorded, { before: host, raised: limit(), limitThen: host });
  assert.match(told[0] ?? '', new RegExp(`is ${recorded.raised} instead of ${host}`));
  await resetInotify(recorded);
  assert.equal(limit(), host);
});

test('a limit that suffices is left alone', async () => {
  writeFileSync(path, '4096');
  const { recorded, told } = await allow(10);
  assert.equal(recorded, null);
  assert.deepEqual(told, []);
  assert.equal(limit(), 4096);
});

test('what somebody else has set meanwhile stays', async () => {
  const { recorded } = await allow(1000);
  writeFileSync(path, '20000');
  assert.ok(recorded !== null);
  await resetInotify(recorded);
  assert.equal(limit(), 20_000);
});

async function allow(workers: number) {
  let recorded: (InotifyLimit & { limitThen: number }) | null = null;
  const told: string[] = [];
  await allowInotify(workers, {
    record: async (change) => {
      recorded = { ...change, limitThen: limit() };
    },
    progress: (message) => told.push(message),
  });
  return { recorded: recorded as (InotifyLimit & { limitThen: number }) | null, told };
}

function limit(): number {
  return Number(readFileSync(path, 'utf8'));
}
