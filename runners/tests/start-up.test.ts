import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { exec } from '../../clusters/exec.ts';

const entry = join(import.meta.dirname, '../lab.ts');

/** Tells at the end which packages were loaded, without those that packages have brought. */
const spy = `
import { registerHooks } from 'node:module';
const packages = new Set();
registerHooks({
  resolve(specifier, context, next) {
    const isOurs = !context.parentURL?.includes('/node_modules/');
    if (isOurs && /^[@a-z]/.test(specifier) && !specifier.includes(':')) packages.add(specifier);
    return next(specifier, context);
  },
});
process.on('exit', () => process.stderr.write(JSON.stringify([...packages].sort())));
`;

/** What stands before the first thing that a command does. `--help` loads all of that and does nothing. */
async function packagesOf(...words: string[]): Promise<string[]> {
  const { stderr } = await exec(process.execPath, [
    ...['--import', `data:text/javascript,${encodeURIComponent(spy)}`, '--disable-warning=ExperimentalWarning'],
    ...[entry, ...words],
  ]);
  return JSON.parse(stderr) as string[];
}

// None but the one that flags and files are read with.
for (const words of [
  ['help'],
  ...['status', 'down', 'exec', 'kubectl', 'completion'].map((name) => [name, '--help']),
]) {
  test(`before it does anything, \`lab ${words[0]}\` needs no library but zod`, async () => {
    const needed = await packagesOf(...words);
    assert.deepEqual(
      needed.filter((one) => one !== 'zod'),
      [],
    );
  });
}

// Each takes as long to load as the rest of a small command, or several times as long.
const large = ['@grpc/grpc-js', '@kubernetes/client-node', '@peculiar/x509', 'esbuild', 'execa', 'ora', 'undici'];

for (const name of ['flows', 'policy', 'list', 'show']) {
  test(`before it does anything, \`lab ${name}\` needs no large library`, async () => {
    const needed = await packagesOf(name, '--help');
    assert.deepEqual(
      needed.filter((one) => large.includes(one)),
      [],
    );
  });
}
