import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { z } from 'zod';
import { inboundSource } from './inbound.ts';

/** A probe of the application that the agent makes in kubelet's place. */
export const AppProbe = z.strictObject({
  timeoutSeconds: z.number().positive(),
  check: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('http'),
      scheme: z.enum(['HTTP', 'HTTPS']),
      port: z.int(),
      path: z.string(),
      headers: z.array(z.strictObject({ name: z.string(), value: z.string() })),
    }),
    z.strictObject({ kind: z.literal('tcp'), port: z.int() }),
  ]),
});
export type AppProbe = z.infer<typeof AppProbe>;

/** Probes by the path that kubelet asks for: `/app-health/<container>/readyz`. */
export const AppProbes = z.record(z.string(), AppProbe);
export type AppProbes = z.infer<typeof AppProbes>;

/**
 * Answers kubelet's rewritten probes with what the application answers: its status, or 500 where there is none. The
 * connection goes to the pod's own address from where the redirection lets pass, so that strict mTLS does not see it.
 */
export function appProbeHandler(
  probes: AppProbes,
  podIp: string,
  source: string = inboundSource,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const probe = probes[request.url ?? ''];
    if (request.url === '/healthz') return answer(response, 200, 'ok');
    if (probe === undefined || request.method !== 'GET') return answer(response, 404, 'no such probe');
    const { check, timeoutSeconds } = probe;
    const target = { host: podIp, port: check.port, localAddress: source };
    try {
      const status =
        check.kind === 'http' ? await get(target, check, timeoutSeconds) : await dial(target, timeoutSeconds);
      answer(response, status, '');
    } catch (error) {
      answer(response, 500, (error as Error).message);
    }
  };
}

type Target = { host: string; port: number; localAddress: string };

function get(
  target: Target,
  { scheme, path, headers }: Extract<AppProbe['check'], { kind: 'http' }>,
  timeoutSeconds: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const send = scheme === 'HTTPS' ? httpsRequest : httpRequest;
    const sent = send(
      {
        ...target,
        path,
        agent: false,
        rejectUnauthorized: false,
        headers: {
          'user-agent': 'kube-probe/1.34',
          accept: '*/*',
          ...Object.fromEntries(headers.map(({ name, value }) => [name, value])),
        },
        signal: AbortSignal.timeout(timeoutSeconds * 1000),
      },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 500);
      },
    );
    sent.on('error', reject).end();
  });
}

function dial(target: Target, timeoutSeconds: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...target, timeout: timeoutSeconds * 1000 });
    const finish = (settle: () => void): void => {
      socket.destroy();
      settle();
    };
    socket.on('connect', () => finish(() => resolve(200)));
    socket.on('error', (error) => finish(() => reject(error)));
    socket.on('timeout', () => finish(() => reject(new Error(`no connection within ${timeoutSeconds} s`))));
  });
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' });
  response.end(text === '' ? '' : `${text}\n`);
}
