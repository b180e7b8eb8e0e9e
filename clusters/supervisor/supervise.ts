import { connect, createServer, Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream';
import { optionsVariable, type SupervisorReport, stayLine } from './report.ts';

/**
 * What a supervisor's program does: runs `body` with its options, reports its steps and how it ended, and ends with the
 * command that started it unless that has told it to stay.
 */
export async function supervise(
  body: (options: unknown, step: (message: string) => void) => Promise<void>,
): Promise<void> {
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
    await body(JSON.parse(process.env[optionsVariable] ?? ''), (message) => say({ report: 'step', message }));
    say({ report: 'ready' });
  } catch (error) {
    const remedy = error instanceof Error && 'remedy' in error ? (error.remedy as string | null) : null;
    say({ report: 'failed', message: error instanceof Error ? error.message : String(error), remedy });
    report.end(() => process.exit(1));
  }
}

/** Sends what comes to the inherited socket, which listens on the host's loopback, to an address in our namespace. */
export function forwardApi(host: string, port: number): Promise<void> {
  const server = createServer((client) => {
    const upstream = connect(port, host);
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    pipeline(client, upstream, client, () => undefined);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ fd: 3 }, resolve);
  });
}
