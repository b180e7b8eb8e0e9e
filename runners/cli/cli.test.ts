import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { LabError } from '../../clusters/error.ts';
import { type CliContext, runCli } from './cli.ts';
import { type Command, command } from './command.ts';
import { choiceFlag, listFlag, switchFlag, textFlag, wholeNumberFlag } from './flag.ts';

type Outcome = { code: number; stdout: string; stderr: string; input: unknown };

const measure = {
  cluster: false,
  flags: {
    blocks: wholeNumberFlag({ description: 'how many', min: 1, max: 100, default: 10 }),
    planes: listFlag({ description: 'which', choices: ['none', 'sidecar'], default: ['none'] }),
    cluster: choiceFlag({ description: 'where', choices: ['netns', 'kind'], default: 'netns' }),
    out: textFlag({ placeholder: 'FILE', description: 'where to' }),
    json: switchFlag('as JSON'),
  },
  positionals: [
    { name: 'scenario', description: 'what', required: true, choices: async () => ['latency', 'throughput'] },
  ],
  rest: 'none',
} as const;

async function lab(words: readonly string[], changes: Partial<Command> & Partial<CliContext> = {}): Promise<Outcome> {
  let input: unknown = null;
  const written = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr'): Writable =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        written[name] += chunk.toString();
        done();
      },
    });
  const run = command({
    ...measure,
    run: async ({ flags, positionals, rest }) => {
      input = { flags, positionals, rest };
    },
    ...changes,
  } as Command);
  const code = await runCli(words, {
    commands: { measure: { summary: 'measures', load: async () => run } },
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    signal: new AbortController().signal,
    requireClusterHost: () => undefined,
    tidyUp: () => Promise.resolve(),
    ...changes,
  });
  return { code, ...written, input };
}

test('flags and positionals reach the command, defaults where they are absent', async () => {
  const { code, input, stdout, stderr } = await lab(['measure', 'latency', '--planes', 'sidecar,none', '--blocks=3']);
  assert.deepEqual(input, {
    flags: { blocks: 3, planes: ['sidecar', 'none'], cluster: 'netns', out: null, json: false },
    positionals: ['latency'],
    rest: [],
  });
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
});

for (const [words, message] of [
  [['measrue'], 'lab has no command measrue (did you mean "measure"?)'],
  [['toString'], 'lab has no command toString'],
  [['--version'], 'lab has no flag --version'],
  [['help', 'nothing'], 'lab has no command nothing'],
  [['measure'], '`lab measure` needs SCENARIO: one of latency, throughput'],
  [['measure', 'latncy'], 'There is no scenario "latncy" (did you mean "latency"?): there is latency, throughput'],
  [['measure', 'latency', 'more'], '`lab measure` does not know what to do with "more"'],
  [['measure', 'latency', '--', 'more'], '`lab measure` does not know what to do with "more"'],
  [['measure', 'latency', '--block', '3'], '`lab measure` has no flag --block (did you mean "--blocks"?)'],
  [['measure', 'latency', '--toString'], '`lab measure` has no flag --toString'],
  [['measure', 'latency', '-j'], '`lab measure` has no flag -j'],
  [['measure', 'latency', '--blocks'], '--blocks needs a value: --blocks N'],
  [['measure', 'latency', '--out', '--json'], '--out needs a value: --out FILE'],
  [['measure', 'latency', '--out='], '--out must not be empty; it was given ""'],
  [['measure', 'latency', '--blocks', '0'], '--blocks must be a whole number from 1 to 100; it was given "0"'],
  [['measure', 'latency', '--blocks', '1e1'], '--blocks must be a whole number from 1 to 100; it was given "1e1"'],
  [['measure', 'latency', '--blocks=-3'], '--blocks must be a whole number from 1 to 100; it was given "-3"'],
  [['measure', 'latency', '--json=yes'], '--json takes no value, but was given "yes"'],
  [['measure', 'latency', '--planes', 'none,none'], '--planes names something twice; it was given "none,none"'],
  [
    ['measure', 'latency', '--planes', 'none,sidcar'],
    '--planes knows no "sidcar" (did you mean "sidecar"?), but none, sidecar; it was given "none,sidcar"',
  ],
  [
    ['measure', 'latency', '--cluster', 'docker'],
    '--cluster knows no "docker", but netns, kind; it was given "docker"',
  ],
] as const) {
  test(`wrong usage: lab ${words.join(' ')}`, async () => {
    const { code, stderr, stdout, input } = await lab(words);
    assert.deepEqual({ code, stdout, input }, { code: 2, stdout: '', input: null });
    const [first, second, ...more] = stderr.split('\n');
    assert.equal(first, `lab: ${message}`);
    assert.match(second ?? '', /^ {5}See `lab (measure )?--help`\.$/);
    assert.deepEqual(more, ['']);
  });
}

test('help comes from the table, wherever it is asked for', async () => {
  for (const words of [[], ['--help'], ['-h'], ['help']]) {
    const { code, stdout } = await lab(words);
    assert.equal(code, 0);
    assert.match(stdout, /^ {2}measure {2}measures$/m);
  }
  for (const words of [
    ['measure', '--help'],
    ['measure', '--blocks', 'x', '-h'],
    ['help', 'measure'],
  ]) {
    const { code, stdout, input } = await lab(words, { cluster: true, requireClusterHost: () => assert.fail() });
    assert.deepEqual({ code, input }, { code: 0, input: null });
    assert.match(stdout, /^Usage: lab measure SCENARIO \[FLAG\.\.\.\]$/m);
    assert.match(stdout, /^ {2}--blocks N +how many \(1 to 100\); default 10$/m);
    assert.match(stdout, /^ {2}--json +as JSON$/m);
    assert.match(stdout, /^Needs root, on Linux\.$/m);
  }
});

test('a command that touches a cluster does not run on a host that cannot have one', async () => {
  const requireClusterHost = (): never => {
    throw new LabError('LAB_NOT_ROOT', { message: 'not root', remedy: 'sudo', exitCode: 3 });
  };
  const { code, stderr, input } = await lab(['measure', 'latency'], { cluster: true, requireClusterHost });
  assert.deepEqual({ code, stderr, input }, { code: 3, stderr: 'lab: not root\n     sudo\n', input: null });
  assert.equal((await lab(['measure', 'latency'], { cluster: false, requireClusterHost })).code, 0);
});

test('what follows -- is passed on as it is', async () => {
  const { input } = await lab(['measure', 'latency', '--json', '--', 'ls', '--help', '--', '-l'], { rest: 'after --' });
  assert.deepEqual((input as { rest: unknown }).rest, ['ls', '--help', '--', '-l']);
  assert.deepEqual((input as { positionals: unknown }).positionals, ['latency']);
});

test('a command that passes on what follows -- needs something there', async () => {
  for (const words of [
    ['measure', 'latency'],
    ['measure', 'latency', '--'],
  ]) {
    const { code, stderr, input } = await lab(words, { rest: 'after --', restName: 'COMMAND' });
    assert.deepEqual({ code, input }, { code: 2, input: null });
    assert.equal(stderr, 'lab: `lab measure` needs -- and after it COMMAND\n     See `lab measure --help`.\n');
  }
});

test('a command that takes all arguments gets all but a leading --help', async () => {
  const all = { rest: 'all', positionals: [], flags: {} } as const;
  const { input } = await lab(['measure', 'get', 'pods', '-A', '--', '--help'], all);
  assert.deepEqual((input as { rest: unknown }).rest, ['get', 'pods', '-A', '--', '--help']);
  assert.match((await lab(['measure', '--help'], all)).stdout, /^Usage: lab measure ARGUMENT\.\.\.$/m);
});

test('coded errors have no stack, others have, and the exit code says which', async () => {
  const failing = (error: unknown) => lab(['measure', 'latency'], { run: () => Promise.reject(error) });
  const coded = await failing(new LabError('LAB_X', { message: 'it broke', remedy: 'mend it', exitCode: 4 }));
  assert.deepEqual({ code: coded.code, stderr: coded.stderr }, { code: 4, stderr: 'lab: it broke\n     mend it\n' });
  const other = await failing(new TypeError('a bug'));
  assert.equal(other.code, 5);
  assert.match(other.stderr, /^lab: TypeError: a bug\n {4}at .*cli\.test\.ts/);
  assert.equal((await lab(['measure', 'latency'], { run: async () => 4 })).code, 4);
});

test('after an interruption only the interruption is reported, whatever broke because of it', async () => {
  const interruption = new AbortController();
  const run = async (): Promise<undefined> => {
    interruption.abort(new LabError('LAB_INTERRUPTED', { message: 'Interrupted.', exitCode: 130 }));
    throw new Error('socket closed');
  };
  const { code, stderr } = await lab(['measure', 'latency'], { run, signal: interruption.signal });
  assert.deepEqual({ code, stderr }, { code: 130, stderr: 'lab: Interrupted.\n' });
});

test('after an interruption an error with a code of its own is reported as well', async () => {
  const interruption = new AbortController();
  const run = async (): Promise<undefined> => {
    interruption.abort(new LabError('LAB_INTERRUPTED', { message: 'Interrupted.', exitCode: 130 }));
    throw new LabError('LAB_DISK_FULL', { message: 'no room', remedy: 'kept as /tmp/run.json' });
  };
  const { code, stderr } = await lab(['measure', 'latency'], { run, signal: interruption.signal });
  assert.deepEqual(
    { code, stderr },
    { code: 130, stderr: 'lab: Interrupted.\nlab: no room\n     kept as /tmp/run.json\n' },
  );
});

for (const [what, changes, outcome] of [
  ['a command that needs no cluster goes on', {}, { code: 0, ran: true, warned: true }],
  ['a command that needs one does not run', { cluster: true }, { code: 5, ran: false, warned: false }],
  ['the command that cleans up goes on', { cluster: true, cleansUp: true }, { code: 0, ran: true, warned: true }],
] as const) {
  test(`what a killed lab left cannot be removed: ${what}`, async () => {
    const tidyUp = () => Promise.reject(new LabError('LAB_X', { message: 'stuck', remedy: 'look' }));
    const { code, stderr, input } = await lab(['measure', 'latency'], { ...changes, tidyUp });
    const warned = stderr.startsWith('lab: what an earlier lab has left could not be removed:\n');
    assert.deepEqual({ code, ran: input !== null, warned }, outcome);
    assert.ok(stderr.endsWith('lab: stuck\n     look\n'), stderr);
  });
}

test('help is there even when what a killed lab left cannot be removed', async () => {
  const tidyUp = () => Promise.reject(new LabError('LAB_X', { message: 'stuck' }));
  const { code, stdout, stderr } = await lab(['--help'], { tidyUp });
  assert.equal(code, 0);
  assert.match(stdout, /^Usage: lab COMMAND/m);
  assert.match(stderr, /lab: stuck/);
});
