import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { sourceFiles } from './source-files.ts';

test('files are found by their extension, and shell programs by their first line too', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lab-source-files-'));
  t.after(() => rm(folder, { recursive: true }));
  const files = {
    'bpf/pod.bpf.c': '',
    'bpf/lib/abi.h': '',
    'main.go': '',
    'deep/er/peer.py': '',
    'init.sh': '',
    '.ci/run': '#!/usr/bin/env bash\n',
    lab: '#!/bin/sh\n',
    LICENSE: 'Apache, of course\n',
    perl: '#!/usr/bin/perl\n',
    'node_modules/package/install.sh': '',
    '.lab/dependencies/old.sh': '',
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  assert.deepEqual(sourceFiles(folder), {
    c: ['bpf/lib/abi.h', 'bpf/pod.bpf.c'],
    go: ['main.go'],
    python: ['deep/er/peer.py'],
    shell: ['init.sh', '.ci/run', 'lab'],
  });
});
