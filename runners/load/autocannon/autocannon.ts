/**
 * Program of the generator's image: sends closed loops with autocannon from worker threads. What is asked comes as JSON on
 * standard input; what happens goes out as lines of JSON, as the other generators write them.
 */
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import type { Count, WorkerLoad, WorkerMessage } from './worker.ts';

const Load = z.strictObject({
  url: z.url(),
  connections: z.int().positive().max(1000),
  workers: z.int().positive().max(32),
  warmupSeconds: z.number().nonnegative(),
  durationSeconds: z.number().positive(),
  timeoutSeconds: z.number().positive(),
});

type Finished = Extract<WorkerMessage, { event: 'finished' }>;

await sendLoad().catch((error: Error) => {
  write({ event: 'error', message: error.message });
  process.exitCode = 1;
});

async function sendLoad(): Promise<void> {
  const asked = Load.parse(JSON.parse(await text(process.stdin)));
  const { workers: count, connections, warmupSeconds, durationSeconds, ...load } = asked;
  const shares = Array.from({ length: count }, (_, which) => Math.ceil((connections - which) / count));
  const workers = shares.filter((share) => share > 0).map((share) => startWorker({ ...load, connections: share }));
  await each(workers, 'started');
  await delay(warmupSeconds * 1000);
  const before = await counts(workers);
  write({ event: 'window-begin' });
  const began = performance.now();
  await delay(durationSeconds * 1000);
  const after = await counts(workers);
  const windowSeconds = (performance.now() - began) / 1000;
  write({ event: 'window-end' });
  const finished = each(workers, 'finished');
  for (const worker of workers) worker.postMessage('finish');
  write({ event: 'result', windowSeconds, ...resultOf(before, after, await finished) });
}

function startWorker(load: WorkerLoad): Worker {
  return new Worker(new URL('autocannon-worker.mjs', import.meta.url), { workerData: load });
}

async function counts(workers: readonly Worker[]): Promise<Count> {
  const told = each(workers, 'count');
  for (const worker of workers) worker.postMessage('count');
  return sum(await told);
}

/** The next message of that kind of each worker. @throws Error as soon as one of them fails. */
function each<E extends WorkerMessage['event']>(workers: readonly Worker[], event: E) {
  type Wanted = Extract<WorkerMessage, { event: E }>;
  return Promise.all(
    workers.map(
      (worker) =>
        new Promise<Wanted>((resolve, reject) => {
          const listen = (message: WorkerMessage): void => {
            if (message.event === 'failed') reject(new Error(message.message));
            if (message.event !== event) return;
            worker.off('message', listen);
            resolve(message as Wanted);
          };
          worker.on('message', listen);
          worker.once('error', reject);
        }),
    ),
  );
}

function resultOf(before: Count, after: Count, finished: readonly Finished[]) {
  const kinds: Record<string, number> = {};
  for (const { errors } of finished) {
    for (const [kind, n] of Object.entries(errors.kinds)) kinds[kind] = (kinds[kind] ?? 0) + n;
  }
  const total = (of: (one: Finished) => number): number => finished.reduce((all, one) => all + of(one), 0);
  return {
    requests: after.requests - before.requests,
    bytesReceived: after.bytes - before.bytes,
    errors: { count: total(({ errors }) => errors.count), kinds },
    totals: {
      requests: total(({ sent }) => sent.requests),
      connections: total(({ sent }) => sent.connections),
      bytesSent: total(({ sent }) => sent.bytesSent),
      bytesReceived: total(({ answered }) => answered.bytes),
    },
  };
}

function sum(counted: readonly Count[]): Count {
  return {
    requests: counted.reduce((all, { requests }) => all + requests, 0),
    bytes: counted.reduce((all, { bytes }) => all + bytes, 0),
  };
}

function write(event: object): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}
