import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { KubernetesObject } from '@kubernetes/client-node';

/** What happens to a request instead of an answer. `answer` gives the true one. */
export type Fault = (response: ServerResponse, answer: () => void, api: FaultyApi) => void;

/**
 * A server that lists and watches one kind of objects as the API server does, at every path, and can be told to go
 * wrong. Versions are whole numbers.
 */
export type FaultyApi = {
  url: string;
  put(name: string, value: string): void;
  remove(name: string): void;
  /** What is there: values by name. */
  values(): Record<string, string>;
  /** The events after a version, as lines of a watch. */
  linesAfter(version: number): string[];
  readonly version: number;
  /** Next requests of that kind go wrong so. Resolves when the last of them has. */
  break(kind: 'list' | 'watch', fault: Fault, times?: number): Promise<void>;
  /** Forgets events, so that a watch from before is told to list again. */
  compact(): void;
  /** Ends the watches that are open. */
  endWatches(): void;
  /** Breaks all connections and accepts no more until {@link FaultyApi.start}. */
  stop(): Promise<void>;
  start(): Promise<void>;
  readonly requests: { list: number; watch: number };
};

type Event = { version: number; type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: KubernetesObject };

export async function startFaultyApi(): Promise<FaultyApi> {
  const objects = new Map<string, KubernetesObject & { value: string }>();
  const events: Event[] = [];
  const watches = new Set<ServerResponse>();
  const faults: Record<'list' | 'watch', { fault: Fault; happened: () => void }[]> = { list: [], watch: [] };
  const requests = { list: 0, watch: 0 };
  const sockets = new Set<Socket>();
  let version = 1;
  let oldest = 0;

  const lineOf = ({ type, object }: Event): string => `${JSON.stringify({ type, object })}\n`;
  const record = (type: Event['type'], object: KubernetesObject): void => {
    const event = { version, type, object };
    events.push(event);
    for (const response of watches) response.write(lineOf(event));
  };
  const list = (response: ServerResponse): void => {
    const items = [...objects.values()];
    response.writeHead(200).end(JSON.stringify({ metadata: { resourceVersion: String(version) }, items }));
  };
  const watch = (response: ServerResponse, query: URLSearchParams): void => {
    const from = Number(query.get('resourceVersion'));
    response.writeHead(200).flushHeaders();
    if (from < oldest) {
      response.end(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })}\n`);
      return;
    }
    for (const line of api.linesAfter(from)) response.write(line);
    watches.add(response);
    const timer = setTimeout(
      () => {
        const object = { metadata: { resourceVersion: String(version) } };
        response.end(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
      },
      Number(query.get('timeoutSeconds')) * 1000,
    );
    response.on('close', () => {
      clearTimeout(timer);
      watches.delete(response);
    });
  };
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const query = new URL(request.url ?? '/', 'http://api').searchParams;
    const kind = query.get('watch') === 'true' ? 'watch' : 'list';
    requests[kind]++;
    const answer = (): void => (kind === 'watch' ? watch(response, query) : list(response));
    const next = faults[kind].shift();
    if (next === undefined) answer();
    else next.fault(response, answer, api);
    next?.happened();
  };
  const server = createServer(serve).on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  let port = 0;
  const api: FaultyApi = {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    get version() {
      return version;
    },
    requests,
    put(name, value) {
      const type = objects.has(name) ? 'MODIFIED' : 'ADDED';
      const object = { metadata: { name, namespace: 'default', resourceVersion: String(++version) }, value };
      objects.set(name, object);
      record(type, object);
    },
    remove(name) {
      const object = objects.get(name);
      if (object === undefined) return;
      objects.delete(name);
      record('DELETED', { ...object, metadata: { ...object.metadata, resourceVersion: String(++version) } });
    },
    values: () => Object.fromEntries([...objects].map(([name, { value }]) => [name, value])),
    linesAfter: (from) => events.filter((event) => event.version > from).map(lineOf),
    break: (kind, fault, times = 1) =>
      new Promise((resolve) => {
        for (let left = times - 1; left >= 0; left--) {
          faults[kind].push({ fault, happened: left === 0 ? resolve : () => undefined });
        }
      }),
    compact() {
      oldest = version;
    },
    endWatches() {
      for (const response of watches) response.end();
      watches.clear();
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    async start() {
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
      port = (server.address() as AddressInfo).port;
    },
  };
  await api.start();
  return api;
}
