import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exec } from '../../clusters/exec.ts';
import { commands } from '../commands/commands.ts';
import { bashCompletion } from './bash-completion.ts';
import { command } from './command.ts';
import { listFlag, switchFlag, textFlag } from './flag.ts';

const run = command({
  cluster: false,
  flags: {
    planes: listFlag({ description: '', choices: ['none', 'sidecar'], default: [] }),
    out: textFlag({ placeholder: 'FILE', description: '' }),
    json: switchFlag(''),
  },
  positionals: [{ name: 'scenario', description: '', required: true, choices: async () => ['latency'] }],
  rest: 'none',
  run: async () => undefined,
});

/** What bash would offer for the last of these words. */
async function complete(...words: string[]): Promise<string[]> {
  const script = await bashCompletion({
    run: { summary: '', load: async () => run },
    status: { summary: '', load: async () => ({ ...run, flags: {}, positionals: [] }) },
  });
  const call = `COMP_WORDS=(lab "$@"); COMP_CWORD=$#; _lab; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await exec('bash', ['-c', `${script}\n${call}`, 'bash', ...words]);
  return stdout.split('\n').filter((line) => line !== '');
}

test('bash offers commands, flags, and values where they are known', async () => {
  assert.deepEqual(await complete(''), ['run', 'status', '--help']);
  assert.deepEqual(await complete('r'), ['run']);
  assert.deepEqual(await complete('run', ''), ['latency', '--planes', '--out', '--json', '--help']);
  assert.deepEqual(await complete('run', '--planes', 's'), ['sidecar']);
  assert.deepEqual(await complete('run', '--out', ''), []);
  assert.deepEqual(await complete('status', '--'), ['--help']);
});

test('every command of the registry loads and has a table', async () => {
  for (const [name, { load, summary }] of Object.entries(commands)) {
    const loaded = await load();
    assert.ok(summary.length > 0 && typeof loaded.run === 'function', name);
    for (const [flag, { schema, placeholder }] of Object.entries(loaded.flags)) {
      assert.match(flag, /^[a-z][a-z-]*$/);
      assert.ok(schema.safeParse(undefined).success, `--${flag} of ${name} has no default`);
      assert.ok(placeholder === null || placeholder.length > 0, `--${flag} of ${name} has an empty placeholder`);
    }
  }
});
