import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { compiledPlugin, rawAgent } from '../tests/test-plugin.ts';

const plugin = compiledPlugin();
const socketPath = (name: string): string => join(plugin.directory(), name);

function configuration(agentSocket: string, more: object = {}): string {
  return JSON.stringify({ cniVersion: '1.0.0', name: 'lab', type: 'lab-sidecarless', agentSocket, ...more });
}

/** The request that the agent got, after answering it. */
async function requestOf(path: string, answer: string, call: Parameters<typeof plugin.run>[0]) {
  const lines: string[] = [];
  const close = await rawAgent(path, (socket, data) => {
    lines.push(data.toString());
    socket.end(answer);
  });
  try {
    const result = await plugin.run(call);
    return { result, lines, request: lines[0] === undefined ? null : JSON.parse(lines[0]) };
  } finally {
    close();
  }
}

test('VERSION is answered without an agent, in the version that is spoken', async () => {
  for (const [input, cniVersion] of [
    ['{"cniVersion":"1.0.0"}', '1.0.0'],
    ['{"cniVersion":"0.4.0"}', '0.4.0'],
    ['{"cniVersion":"1.1.0"}', '1.1.0'],
    ['{}', '1.0.0'],
    ['', '1.0.0'],
  ] as const) {
    const { exitCode, stdout } = await plugin.run({ variables: { CNI_COMMAND: 'VERSION' }, input });
    assert.equal(exitCode, 0, input);
    assert.deepEqual(JSON.parse(stdout), { cniVersion, supportedVersions: ['0.4.0', '1.0.0'] });
  }
});

test('a request is one line with every variable and the configuration as it is; the answer is printed', async () => {
  const path = socketPath('answer.sock');
  const awkward = 'K8S_POD_NAME=a"b\\c\n\t\u0001\u001f\u007f;ü=é€𝄞;/';
  const pretty = JSON.stringify(
    JSON.parse(configuration(path, { nested: { cniVersion: '9', list: ['}', '"]', '\n\\'] } })),
    null,
    2,
  );
  const { result, lines, request } = await requestOf(path, '0{"cniVersion":"1.0.0"}\n', {
    variables: { CNI_ARGS: awkward },
    input: `\n ${pretty}\r\n`,
  });
  assert.deepEqual([result.exitCode, result.stdout], [0, '{"cniVersion":"1.0.0"}\n']);
  assert.equal(lines[0]?.indexOf('\n'), (lines[0]?.length ?? 0) - 1);
  assert.deepEqual(request, {
    command: 'ADD',
    containerId: 'c1',
    netns: '/run/netns/c1',
    ifname: 'eth0',
    args: awkward,
    path: '/opt/cni/bin',
    config: JSON.parse(pretty),
  });
});

test("the agent's error is printed as it is, with exit code 1; success without a result prints nothing", async () => {
  const path = socketPath('error.sock');
  const error = '{"cniVersion":"1.0.0","code":100,"msg":"no","details":""}';
  const failed = await requestOf(path, `1${error}\n`, { input: configuration(path) });
  assert.deepEqual([failed.result.exitCode, failed.result.stdout], [1, `${error}\n`]);
  const deleted = await requestOf(path, '0\n', {
    variables: { CNI_COMMAND: 'DEL', CNI_NETNS: null, CNI_ARGS: null },
    input: configuration(path),
  });
  assert.deepEqual([deleted.result.exitCode, deleted.result.stdout], [0, '']);
  assert.deepEqual([deleted.request.netns, deleted.request.args], ['', '']);
});

test('an agent that is not there fails ADD and DEL at once, and is named', async () => {
  const absent = socketPath('absent.sock');
  const stale = socketPath('stale.sock');
  await writeFile(stale, '');
  for (const path of [absent, stale]) {
    for (const command of ['ADD', 'DEL', 'CHECK']) {
      const began = performance.now();
      const { exitCode, stdout } = await plugin.run({
        variables: { CNI_COMMAND: command },
        input: configuration(path),
      });
      assert.ok(performance.now() - began < 20_000);
      assert.equal(exitCode, 1);
      const error = JSON.parse(stdout);
      assert.deepEqual([error.cniVersion, error.code], ['1.0.0', 11]);
      assert.match(error.msg, new RegExp(`node agent cannot be reached at ${path}`));
      assert.match(error.details, /agent's pod on this node/);
    }
  }
});

test('an agent that hangs, breaks off or talks nonsense fails the request, in time', async () => {
  const path = socketPath('hang.sock');
  for (const [answer, why] of [
    [null, /it took too long/],
    ['', /Protocol error/],
    ['0{"cniVersion":', /Protocol error/],
    ['HTTP/1.1 200 OK\n', /Protocol error/],
  ] as const) {
    const close = await rawAgent(path, (socket) => {
      if (answer !== null) socket.end(answer);
    });
    const input = configuration(path, answer === null ? { agentTimeoutSeconds: 1 } : {});
    const began = performance.now();
    const { exitCode, stdout } = await plugin.run({ variables: { CNI_COMMAND: 'DEL' }, input });
    close();
    assert.ok(performance.now() - began < 20_000);
    assert.equal(exitCode, 1);
    assert.equal(JSON.parse(stdout).code, 11);
    assert.match(JSON.parse(stdout).msg, why);
  }
});

test('what is no configuration is refused before the agent is asked', async () => {
  const path = socketPath('never.sock');
  const good = configuration(path);
  const cases: [input: string, code: number][] = [
    ['', 6],
    ['[]', 6],
    ['"{}"', 6],
    [good.slice(0, -1), 6],
    [`${good}}`, 6],
    [`${good},"command":"DEL"`, 6],
    [`${good} {}`, 6],
    [good.replace('"lab"', '"lab'), 6],
    [`{"a":"\0${good.slice(1)}`, 6],
    ['{}', 1],
    [configuration(path, { cniVersion: '0.3.1' }), 1],
    [configuration(path, { cniVersion: '1.0.00' }), 1],
    [configuration(path, { cniVersion: 1 }), 7],
    [configuration(path, { agentSocket: 7 }), 7],
    [configuration('/a\\b'), 7],
    [configuration(`/${'a'.repeat(108)}`), 7],
    [configuration(path, { agentTimeoutSeconds: 0 }), 7],
    [configuration(path, { padding: 'x'.repeat(1024 * 1024) }), 7],
  ];
  const { lines } = await requestOf(path, '0\n', { input: good });
  assert.equal(lines.length, 1);
  let asked = 0;
  const close = await rawAgent(path, () => asked++);
  for (const [input, code] of cases) {
    const { exitCode, stdout } = await plugin.run({ input });
    assert.equal(exitCode, 1);
    assert.equal(JSON.parse(stdout).code, code, input.slice(0, 200));
  }
  close();
  assert.equal(asked, 0);
});

test('variables that are missing or unknown are named', async () => {
  const input = configuration(socketPath('none.sock'));
  for (const name of ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME']) {
    for (const value of [null, '']) {
      const error = JSON.parse((await plugin.run({ variables: { [name]: value }, input })).stdout);
      assert.equal(error.code, 4);
      assert.match(error.msg, new RegExp(name));
    }
  }
  const none = { CNI_CONTAINERID: null, CNI_NETNS: null, CNI_IFNAME: null };
  const { msg } = JSON.parse((await plugin.run({ variables: none, input })).stdout);
  assert.equal(msg, 'missing in the environment: CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME');
  for (const command of [null, 'add', 'STATUS']) {
    assert.equal(JSON.parse((await plugin.run({ variables: { CNI_COMMAND: command }, input })).stdout).code, 4);
  }
});

test('a configuration of just under 1 MiB passes, and so do answers of any size', async () => {
  const path = socketPath('large.sock');
  const padding = 'x'.repeat(1024 * 1024 - 300);
  const answer = `{"padding":"${padding.repeat(2)}"}`;
  const { result, request } = await requestOf(path, `0${answer}\n`, { input: configuration(path, { padding }) });
  assert.equal(request.config.padding, padding);
  assert.equal(result.stdout.trim(), answer);
});
