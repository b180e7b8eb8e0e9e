import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { CniError, cniCodes, errorAnswer } from './cni-error.ts';
import type { CniHandler } from './handler.ts';
import { type CniRequest, parseRequest } from './request.ts';
import { serialByKey } from './serial-by-key.ts';
import { listenOnSocket } from './unix-socket.ts';

export type CniServerOptions = {
  socketPath: string;
  handler: CniHandler;
  /** Ends the server: no new requests, and those under way are finished. */
  signal: AbortSignal;
  /** For each request, those that it waits for included. Less than the plugin's own. */
  timeLimitSeconds?: number;
  /** Told of every request: what became of it, and how long it took. */
  onRequest?: (outcome: CniOutcome) => void;
};

/** `error` is null where the request succeeded, `request` where it could not be read. */
export type CniOutcome = { request: CniRequest | null; durationSeconds: number; error: Error | null };

/** More than the plugin ever sends: 1 MiB of configuration and an environment. */
const requestLimitBytes = 4 * 1024 * 1024;

/**
 * Answers the CNI plugin on a unix socket: one request for each connection. Requests of one container are served in
 * turn, others at once.
 * @returns when it listens. `closed` resolves when, after the signal has aborted, every request has its answer.
 */
export async function serveCni(options: CniServerOptions): Promise<{ closed: Promise<void> }> {
  const { socketPath, signal } = options;
  const inTurn = serialByKey();
  const idle = new Set<Socket>();
  const server = createServer((socket) => {
    idle.add(socket);
    socket.on('close', () => idle.delete(socket));
    socket.on('error', () => socket.destroy());
    onLine(socket, (line) => {
      idle.delete(socket);
      void answerLine(line, socket, options, inTurn);
    });
  });
  const removeSocket = await listenOnSocket(server, socketPath);
  const close = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of idle) socket.destroy();
    await removeSocket();
    await closed;
  };
  const closed = signal.aborted ? close() : once(signal, 'abort').then(close);
  return { closed };
}

/** Calls back once, with the first line that the peer sends. */
function onLine(socket: Socket, callback: (line: string) => void): void {
  let received: Buffer[] | null = [];
  let length = 0;
  socket.on('data', (chunk) => {
    if (received === null) return;
    received.push(chunk);
    length += chunk.length;
    if (length > requestLimitBytes) socket.destroy();
    else if (chunk.includes('\n')) {
      const text = Buffer.concat(received).toString();
      received = null;
      callback(text.slice(0, text.indexOf('\n')));
    }
  });
}

async function answerLine(
  line: string,
  socket: Socket,
  options: CniServerOptions,
  inTurn: ReturnType<typeof serialByKey>,
): Promise<void> {
  const began = performance.now();
  let request: CniRequest | null = null;
  let error: Error | null = null;
  let answer: string;
  try {
    request = parseRequest(line);
    const result = await serve(request, socket, options, inTurn);
    answer = `0${result === null ? '' : JSON.stringify(result)}`;
  } catch (cause) {
    error = cause instanceof Error ? cause : new Error(String(cause));
    answer = `1${JSON.stringify(errorAnswer(error, request?.config.cniVersion ?? '1.0.0'))}`;
  }
  socket.end(`${answer}\n`, () => socket.destroy());
  options.onRequest?.({ request, durationSeconds: (performance.now() - began) / 1000, error });
}

async function serve(
  request: CniRequest,
  socket: Socket,
  { handler, timeLimitSeconds = 30 }: CniServerOptions,
  inTurn: ReturnType<typeof serialByKey>,
): Promise<object | null> {
  const limit = AbortSignal.timeout(timeLimitSeconds * 1000);
  // A pod whose runtime no longer waits for it is one that nobody would delete.
  const gone = new AbortController();
  if (request.command === 'ADD') socket.once('close', () => gone.abort(new Error('the runtime has gone')));
  const signal = AbortSignal.any([limit, gone.signal]);
  const done = inTurn(request.containerId, async () => {
    signal.throwIfAborted();
    return handler(request, signal);
  });
  // It may end after its answer has been given, and keeps its turn until then.
  done.catch(() => undefined);
  const late = once(limit, 'abort').then(() => {
    throw new CniError(
      cniCodes.tryAgainLater,
      `${request.command} of sandbox ${request.containerId} took more than ${timeLimitSeconds} s`,
      "See the node agent's log for what holds it up; the runtime's next attempt waits for this one.",
    );
  });
  late.catch(() => undefined);
  return Promise.race([done, late]);
}
