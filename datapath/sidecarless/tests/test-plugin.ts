import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { type ExecResult, tryExec } from '../../../clusters/exec.ts';
import { buildPlugin, pluginName } from '../cni/plugin.ts';

/** A directory with the compiled plugin in it, for the tests of a file. */
export function compiledPlugin(): { directory: () => string; run: typeof runPlugin } {
  let directory = '';
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lab-cni-plugin-'));
    await buildPlugin(join(directory, pluginName), { signal: new AbortController().signal });
  });
  after(() => rm(directory, { recursive: true, force: true }));
  return { directory: () => directory, run: (call) => runPlugin({ program: join(directory, pluginName), ...call }) };
}

/** How a runtime calls the plugin: variables are those of an ADD unless others are given, null for none. */
export type PluginCall = {
  program?: string;
  variables?: Readonly<Record<string, string | null>>;
  input: string;
};

async function runPlugin({ program = '', variables = {}, input }: PluginCall): Promise<ExecResult> {
  const all = {
    CNI_COMMAND: 'ADD',
    CNI_CONTAINERID: 'c1',
    CNI_NETNS: '/run/netns/c1',
    CNI_IFNAME: 'eth0',
    CNI_ARGS: '',
    CNI_PATH: '/opt/cni/bin',
    ...variables,
  };
  const env = Object.fromEntries(Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== null));
  return tryExec(program, [], { env, extendEnv: false, input, timeoutMs: 20_000 });
}

/** A socket at the path on which `onRequest` deals with each connection's bytes. */
export async function rawAgent(path: string, onRequest: (socket: Socket, data: Buffer) => void): Promise<() => void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      if (chunk.includes('\n')) onRequest(socket, Buffer.concat(chunks));
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
}
