import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { inspect, otherLanguages } from './static.ts';
import type { TierContext } from './tier.ts';

/** A file that each program passes, and one that it does not, with what it says about it. */
const files: Record<string, { name: string; good: string; bad: string; complaint: RegExp }> = {
  'clang-format': {
    name: 'map.c',
    good: 'int main(void)\n{\n\treturn 0;\n}\n',
    bad: 'int main(void) {\n  return 0;\n}\n',
    complaint: /map\.c:1:\d+: .*clang-format/,
  },
  gofmt: {
    name: 'main.go',
    good: 'package main\n\nfunc main() {}\n',
    bad: 'package main\nfunc main() { }\n',
    complaint: /main\.go/,
  },
  shellcheck: { name: 'run.sh', good: '#!/bin/sh\nrm "$1"\n', bad: '#!/bin/sh\nrm $1\n', complaint: /SC2086/ },
  shfmt: { name: 'run', good: '#!/bin/sh\nexec "$1"\n', bad: '#!/bin/sh\n  exec  "$1"\n', complaint: /^-\s+exec/m },
  pyflakes: {
    name: 'peer.py',
    good: 'import os\n\nprint(os.name)\n',
    bad: 'import os\n',
    complaint: /'os' imported but unused/,
  },
};

for (const inspection of otherLanguages) {
  test(`${inspection.name} passes a good file and fails a bad one`, async (t) => {
    const { name, good, bad, complaint } =
      files[inspection.name] ?? assert.fail(`${inspection.name} has no files here`);
    const folder = await mkdtemp(join(tmpdir(), 'lab-static-'));
    t.after(() => rm(folder, { recursive: true }));
    await copyFile(join(import.meta.dirname, '../../.clang-format'), join(folder, '.clang-format'));
    const stdout = new PassThrough({ encoding: 'utf8' });
    const context: TierContext = {
      files: null,
      requireAll: false,
      stdout,
      signal: t.signal,
      progress: () => undefined,
    };
    await writeFile(join(folder, name), good);
    const { passed, skipReasons } = await inspect(inspection, folder, context);
    if (skipReasons.length > 0) return t.skip(skipReasons.join());
    assert.equal(passed, 1, String(stdout.read()));
    stdout.read();

    await writeFile(join(folder, name), bad);
    assert.equal((await inspect(inspection, folder, context)).failed, 1);
    assert.match(String(stdout.read()), complaint);
  });
}
