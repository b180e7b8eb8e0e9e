import { parentPort, workerData } from 'node:worker_threads';
import init, { type Client } from 'autocannon/lib/init.js';

/** What a worker is to send: its share of the connections. */
export type WorkerLoad = { url: string; connections: number; timeoutSeconds: number };

/** What has been answered rightly since the start. */
export type Count = { requests: number; bytes: number };

/** What a worker tells: that it sends, what it has so far, and, when told to finish, what it came to in all. */
export type WorkerMessage =
  | { event: 'started' }
  | ({ event: 'count' } & Count)
  | {
      event: 'finished';
      sent: { requests: number; connections: number; bytesSent: number };
      answered: Count;
      errors: { count: number; kinds: Record<string, number> };
    }
  | { event: 'failed'; message: string };

/** Longer than anybody lets it run: the end comes by `finish`. */
const longestSeconds = 3600;

/** Between two looks at whether the last answer has come. */
const lookMs = 20;

const { url, connections, timeoutSeconds } = workerData as WorkerLoad;
const clients: Client[] = [];
const answered: Count = { requests: 0, bytes: 0 };
const tell = (message: WorkerMessage): void => parentPort?.postMessage(message);

const tracker = init(
  {
    ...{ url, connections, duration: longestSeconds, timeout: timeoutSeconds, sampleInt: lookMs },
    setupClient: (client) => void clients.push(client),
  },
  (error, { errors, timeouts, non2xx }) => {
    if (error !== null) {
      tell({ event: 'failed', message: error.message });
      return;
    }
    const requests = clients.reduce((sum, { reqsMade }) => sum + reqsMade, 0);
    const bytesSent = clients.reduce((sum, client) => sum + client.reqsMade * client.getRequestBuffer().length, 0);
    const kinds = { timeout: timeouts, connection: errors - timeouts, status: non2xx };
    tell({
      event: 'finished',
      sent: { requests, connections, bytesSent },
      answered,
      errors: { count: errors + non2xx, kinds: Object.fromEntries(Object.entries(kinds).filter(([, n]) => n > 0)) },
    });
    parentPort?.close();
  },
);
tracker.on('start', () => tell({ event: 'started' }));
tracker.on('response', (_client: Client, status: number, bytes: number) => {
  answered.bytes += bytes;
  if (status === 200) answered.requests += 1;
});

parentPort?.on('message', (command: 'count' | 'finish') => {
  if (command === 'count') tell({ event: 'count', ...answered });
  // Each has one request under way: its answer is waited for, so that what was sent is what arrived.
  else for (const client of clients) client.responseMax = client.reqsMade;
});
