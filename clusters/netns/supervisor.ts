import { rename, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { connect as connectTo, createServer, Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream';
import { kubeconfig } from '../control-plane/kubeconfig.ts';
import { addressPlan } from './address-plan.ts';
import { enterCgroup } from './cgroup.ts';
import { startEmbeddedCluster } from './embedded-cluster.ts';
import { cgroupRoot, kubeconfigPath, supervisorSocket } from './paths.ts';
import { ExecRequest, SupervisorOptions, type SupervisorReport, stayLine } from './supervisor-protocol.ts';

/**
 * The process that is the embedded cluster: it runs in pid, mount and network namespaces of its own, and the end of it
 * is the end of everything that it started.
 */
async function main(): Promise<void> {
  const options = SupervisorOptions.parse(JSON.parse(process.env.LAB_SUPERVISOR ?? ''));
  const report = new Socket({ fd: 4, readable: true, writable: true });
  const say = (line: SupervisorReport): void => void report.write(`${JSON.stringify(line)}\n`);
  let stays = false;
  // The command that started us holds the other end; when it is gone, so is the need for what it did not finish.
  report.on('close', () => {
    if (!stays) process.exit(0);
  });
  report.on('error', () => undefined);
  createInterface({ input: report }).on('line', (line) => {
    if (line === stayLine) stays = true;
  });
  try {
    await startCluster(options, (message) => say({ report: 'step', message }));
    say({ report: 'ready' });
  } catch (error) {
    const remedy = error instanceof Error && 'remedy' in error ? (error.remedy as string | null) : null;
    say({ report: 'failed', message: error instanceof Error ? error.message : String(error), remedy });
    report.end(() => process.exit(1));
  }
}

async function startCluster(options: SupervisorOptions, step: (message: string) => void): Promise<void> {
  const { signal } = new AbortController();
  await enterCgroup('system');
  const { pki, runtime } = await startEmbeddedCluster({ nodes: options.nodes, cgroupRoot, signal, step });
  await forwardApi();
  await serveExec((request) => runtime.execCommand(request));
  // Last, and whole or not at all: that it is there says to every command that the control plane answers.
  const draft = `${kubeconfigPath}.draft`;
  await writeFile(draft, kubeconfig(`https://127.0.0.1:${options.port}`, pki.ca, pki.admin), { mode: 0o600 });
  await rename(draft, kubeconfigPath);
}

/** Accepts on the listening socket of the host's loopback that this process has inherited. */
function forwardApi(): Promise<void> {
  const server = createServer((client) => {
    const upstream = connectTo(addressPlan.apiserverPort, addressPlan.legThere(0));
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    pipeline(client, upstream, client, () => undefined);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ fd: 3 }, resolve);
  });
}

async function serveExec(execCommand: (request: ExecRequest) => { file: string; args: string[] }): Promise<void> {
  await rm(supervisorSocket, { force: true });
  const server = createHttpServer(async (request, response) => {
    try {
      const body = Buffer.concat(await request.toArray()).toString();
      const answer = execCommand(ExecRequest.parse(JSON.parse(body)));
      response.end(JSON.stringify(answer));
    } catch (error) {
      const { message, code, remedy } = error as { message: string; code?: string; remedy?: string };
      response.writeHead(400).end(JSON.stringify({ message, code: code ?? null, remedy: remedy ?? null }));
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(supervisorSocket, resolve);
  });
}

await main();
