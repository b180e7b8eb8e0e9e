import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ExecResult, exec } from '../../../clusters/exec.ts';
import { privateRun } from '../../../clusters/netns/tests/namespaces.ts';
import { startProcess } from '../../../clusters/process.ts';
import type { EndpointHooks, FormerEndpoint, PodEndpoint } from '../cni/endpoint.ts';
import { cniHandler } from '../cni/handler.ts';
import { type Ipam, openIpam } from '../cni/ipam.ts';
import { type Reconciled, reconcilePods } from '../cni/reconcile.ts';
import { serveCni } from '../cni/server.ts';
import { compiledPlugin, type PluginCall } from './test-plugin.ts';

/** A node in this process's network namespace: pods' namespaces, the compiled plugin, and an agent that can go and come. */
export type TestNode = {
  ipam(): Ipam;
  /** What the agent's hooks were told, and what they do besides. */
  attached: PodEndpoint[];
  detached: FormerEndpoint[];
  onAttach: (endpoint: PodEndpoint, signal: AbortSignal) => Promise<void>;
  missing: readonly string[];
  /** @param timeLimitSeconds for one request: with many at once on a busy machine the last waits for all others. */
  startAgent(timeLimitSeconds?: number): Promise<Reconciled>;
  stopAgent(): Promise<void>;
  /** Runs the plugin as the runtime would; `name` is the container's id and its namespace's name. */
  call(command: string, name: string, more?: object): Promise<ExecResult>;
  configuration(more?: object): string;
  program(): string;
};

export const mtu = 1450;
const socketPath = '/run/lab-sidecarless/agent.sock';

export function testNode(cidrs: readonly string[]): TestNode {
  const plugin = compiledPlugin();
  let running: { stop: AbortController; ipam: Ipam; closed: Promise<void> } | null = null;
  const hooks: EndpointHooks = {
    async attach(endpoint, signal) {
      node.attached.push(endpoint);
      await node.onAttach(endpoint, signal);
    },
    async detach(endpoint) {
      node.detached.push(endpoint);
    },
    check: async () => node.missing,
  };
  const node: TestNode = {
    attached: [],
    detached: [],
    onAttach: async () => undefined,
    missing: [],
    ipam: () => running?.ipam as Ipam,
    async startAgent(timeLimitSeconds = 20) {
      const stop = new AbortController();
      const ipam = await openIpam({ directory: '/run/lab-sidecarless/addresses', cidrs });
      const network = { ipam, hooks, mtu: () => mtu };
      const reconciled = await reconcilePods(network, stop.signal);
      const handler = cniHandler(network);
      const { closed } = await serveCni({ socketPath, handler, timeLimitSeconds, signal: stop.signal });
      running = { stop, ipam, closed };
      return reconciled;
    },
    async stopAgent() {
      running?.stop.abort();
      await running?.closed;
      running = null;
    },
    call(command, name, more = {}) {
      const call: PluginCall = {
        variables: {
          CNI_COMMAND: command,
          CNI_CONTAINERID: name,
          CNI_NETNS: netnsOf(name),
          CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=test;K8S_POD_NAME=${name};K8S_POD_UID=uid-${name}`,
        },
        input: node.configuration(more),
      };
      return plugin.run(call);
    },
    configuration: (more = {}) =>
      JSON.stringify({ cniVersion: '1.0.0', name: 'lab', type: 'lab-sidecarless', ...more }),
    program: () => join(plugin.directory(), 'lab-sidecarless'),
  };
  return node;
}

/** An empty /run, and forwarding as a node has it. */
export async function prepareNode(): Promise<void> {
  await privateRun();
  await mkdir('/run/netns');
  await exec('sysctl', ['-q', '-w', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
}

export function netnsOf(name: string): string {
  return `/run/netns/${name}`;
}

/** Pods' namespaces with their loopbacks up, as the runtime leaves them to plugins. */
export async function addNamespaces(...names: readonly string[]): Promise<void> {
  await exec('sh', ['-ec', 'for n; do ip netns add "$n"; ip -n "$n" link set lo up; done', 'sh', ...names]);
}

export async function deleteNamespace(name: string): Promise<void> {
  await exec('ip', ['netns', 'delete', name]);
}

/** Answers every connection in that namespace with the client's address, until it is ended. */
export async function echoPeer(name: string, port: number): Promise<() => Promise<void>> {
  const program = `require('net').createServer((s) => s.end(s.remoteAddress)).listen(${port}, '::', () => console.log('up'))`;
  const child = startProcess('nsenter', [`--net=${netnsOf(name)}`, process.execPath, '-e', program]);
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return async () => {
    child.kill('SIGKILL');
    await child.ended;
  };
}

/** Whom a server at the address takes a client in that namespace for; null for one on the node itself. */
export async function peerSeen(from: string | null, address: string, port: number): Promise<string> {
  const client = ['timeout', '5', 'bash', '-c', 'exec 3<>"/dev/tcp/$0/$1" && cat <&3', address, `${port}`];
  const { stdout } = await exec('nsenter', [...(from === null ? [] : [`--net=${netnsOf(from)}`]), ...client]);
  return stdout.replace(/^::ffff:/, '');
}
