import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { LabError } from '../error.ts';
import { type Process, startProcess } from '../process.ts';
import { optionsVariable, SupervisorReport, stayLine } from './report.ts';

/** A supervisor to start: its program, what it is told, and where its output and that of its children goes. */
export type SupervisorStart = {
  /** For messages: "the embedded cluster". */
  what: string;
  program: string;
  /** Told as JSON, given the host's loopback port that is forwarded to it. */
  options: (port: number) => object;
  log: string;
  timeoutSeconds: number;
};

export type Supervisor = {
  readonly process: Process;
  /** The host's loopback port that is forwarded to the cluster's API server. */
  readonly port: number;
  /** @throws LabError LAB_CLUSTER_START_FAILED saying which step failed and how. */
  ready(signal: AbortSignal, progress: (message: string) => void): Promise<void>;
  /** Lets it outlive this process. */
  letGo(): Promise<void>;
};

/**
 * Starts a supervisor in process, mount and network namespaces of its own: when the first process of a process namespace
 * ends, the kernel ends all others, however they were started. A shell is that first process because it reaps orphans,
 * which Node.js does not.
 */
export async function startSupervisor({
  what,
  program,
  options,
  log,
  timeoutSeconds,
}: SupervisorStart): Promise<Supervisor> {
  const listener = createServer();
  const port = await new Promise<number>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(0, '127.0.0.1', () => resolve((listener.address() as { port: number }).port));
  });
  const output = createWriteStream(log);
  await new Promise((resolve) => output.once('open', resolve));
  const outputFd = (output as unknown as { fd: number }).fd;
  // Node.js has no public way to hand a listening socket to a process that is not started as Node.js directly.
  const listenFd = (listener as unknown as { _handle: { fd: number } })._handle.fd;
  const child = startProcess(
    'unshare',
    [
      ...['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private', '--'],
      ...['sh', '-c', '"$@"; exit $?', 'datapath-lab', process.execPath, program],
    ],
    {
      stdio: ['ignore', outputFd, outputFd, listenFd, 'pipe'],
      detached: true,
      env: { [optionsVariable]: JSON.stringify(options(port)) },
      cwd: '/',
    },
  );
  listener.close();
  output.destroy();
  const report = child.stdio[4] as Socket;
  const failed = (how: string, remedy: string | null = null): LabError =>
    new LabError('LAB_CLUSTER_START_FAILED', {
      message: `The start of ${what} ${how}`,
      remedy: remedy ?? `Its log is ${log}; \`lab doctor\` says what this host lacks.`,
    });
  return {
    process: child,
    port,
    async ready(signal, progress) {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1000)]);
      const lines = createInterface({ input: report });
      try {
        await new Promise<void>((resolve, reject) => {
          deadline.addEventListener('abort', () => {
            reject(signal.aborted ? signal.reason : failed(`did not finish in ${timeoutSeconds} s`));
          });
          lines.on('line', (line) => {
            const parsed = SupervisorReport.parse(JSON.parse(line));
            if (parsed.report === 'step') progress(parsed.message);
            else if (parsed.report === 'ready') resolve();
            else reject(failed(`failed: ${parsed.message}`, parsed.remedy));
          });
          // It holds the other end as long as it lives. (That the process has ended would be told to a command that still
          // waits for something, and this one may wait for nothing else.)
          lines.on('close', async () => reject(failed(`ended:\n${await tailOf(log)}`)));
        });
      } finally {
        lines.close();
        report.resume();
      }
    },
    async letGo() {
      await new Promise<void>((resolve) => report.end(`${stayLine}\n`, resolve));
      report.destroy();
    },
  };
}

async function tailOf(log: string): Promise<string> {
  const text = await readFile(log, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-15).join('\n');
}
