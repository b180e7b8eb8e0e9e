import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { ContainerLoop } from './container/loop.ts';
import { LogOptions, readLog } from './log/reader.ts';

export type KubeletServerOptions = {
  address: string;
  port: number;
  certificate: { certificate: string; key: string };
  /** Certificates of the API server are signed by it. */
  clientCa: string;
};

/** Where the server finds a container, and why it does not. */
export type FindContainer = (
  namespace: string,
  pod: string,
  container: string,
) => { found: ContainerLoop } | { missing: string };

/** The group of certificates that may read logs: the API server's. */
const administrators = 'system:masters';

const streams = /^\/(exec|attach|portForward|run|cri)\//;

/**
 * The part of kubelet's HTTPS API that the API server needs: logs. One server for all nodes. Streams into containers
 * (exec, attach, port-forward) are answered 501.
 */
export async function serveKubelet(
  { address, port, certificate, clientCa }: KubeletServerOptions,
  find: FindContainer,
  signal: AbortSignal,
): Promise<void> {
  const server = createServer(
    { cert: certificate.certificate, key: certificate.key, ca: clientCa, requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      answer(request, response, find).catch((error: Error) => {
        if (!response.headersSent) refuse(response, 500, error.message);
        else response.destroy();
      });
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });
  signal.addEventListener('abort', () => {
    server.close();
    server.closeAllConnections();
  });
}

async function answer(request: IncomingMessage, response: ServerResponse, find: FindContainer): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://kubelet');
  if (url.pathname === '/healthz') return void response.end('ok');
  const organisations = [(request.socket as TLSSocket).getPeerCertificate().subject?.O ?? []].flat();
  if (!organisations.includes(administrators)) return refuse(response, 403, 'only the API server may read this');
  if (streams.test(url.pathname)) {
    const instead = 'the embedded cluster has no exec, attach and port-forward streams; use `lab exec POD -- COMMAND`';
    return refuse(response, 501, instead);
  }
  const [, kind, namespace = '', pod = '', container = ''] = url.pathname.split('/').map(decodeURIComponent);
  if (kind !== 'containerLogs') return refuse(response, 404, `nothing is served at ${url.pathname}`);
  const options = LogOptions.safeParse(Object.fromEntries(url.searchParams));
  if (!options.success) return refuse(response, 400, options.error.issues.map(({ message }) => message).join('; '));
  const result = find(namespace, pod, container);
  if ('missing' in result) return refuse(response, 404, result.missing);
  await sendLog(response, result.found, options.data, { pod, container });
}

async function sendLog(
  response: ServerResponse,
  loop: ContainerLoop,
  options: LogOptions,
  { pod, container }: { pod: string; container: string },
): Promise<void> {
  const { state, lastState } = loop.record;
  // While a container waits to be started again, its last run is the previous one, and the one that it has.
  const log = options.previous && state.waiting === undefined ? loop.logs.previous : loop.logs.current;
  if (options.previous && (log === null || lastState.terminated === undefined)) {
    return refuse(response, 400, `previous terminated container "${container}" in pod "${pod}" not found`);
  }
  if (log === null) {
    return refuse(response, 400, `container "${container}" in pod "${pod}" is ${whyNoLog(state.waiting?.reason)}`);
  }
  const closed = new AbortController();
  response.on('close', () => closed.abort());
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  for await (const text of readLog(log, options, closed.signal)) {
    if (closed.signal.aborted) return;
    if (!response.write(text)) await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
  }
  response.end();
}

function whyNoLog(reason = 'ContainerCreating'): string {
  if (reason === 'ErrImagePull') return "waiting to start: image can't be pulled";
  if (reason === 'ImagePullBackOff') return 'waiting to start: trying and failing to pull image';
  return `waiting to start: ${reason}`;
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(message);
}
