import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { V1Container, V1HTTPGetAction, V1TCPSocketAction } from '@kubernetes/client-node';
import { longestTimerMs } from '../long-delay.ts';

/** What one look at a container found. `message`: why it failed, in kubelet's words; `errored`: it could not even look. */
export type ProbeResult = { success: boolean; message: string; errored?: boolean };

type Target = { podIp: string; container: V1Container; timeoutSeconds: number };

const longestBodyBytes = 10 * 1024;

/** A GET from this process straight to the pod. Any answer from 200 to 399 is a success; certificates are not checked. */
export function httpProbe(action: V1HTTPGetAction, { podIp, container, timeoutSeconds }: Target): Promise<ProbeResult> {
  const https = (action.scheme ?? 'HTTP').toUpperCase() === 'HTTPS';
  const port = resolvePort(action.port, container);
  const host = action.host === undefined || action.host === '' ? podIp : action.host;
  const path = action.path?.startsWith('/') ? action.path : `/${action.path ?? ''}`;
  const url = `${https ? 'https' : 'http'}://${host}:${port}${path}`;
  const own = Object.fromEntries((action.httpHeaders ?? []).map(({ name, value }) => [name, value]));
  const headers = { 'user-agent': 'kube-probe/1.34', accept: '*/*', ...own };
  return new Promise((resolve) => {
    const fail = (message: string): void => resolve({ success: false, message: `Get "${url}": ${message}` });
    const send = https ? httpsRequest : httpRequest;
    const options = { host, port, path, headers, agent: false as const, rejectUnauthorized: false };
    const request = send(options, (response) => {
      void drain(response).then(() => {
        clearTimeout(timer);
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 400) return resolve({ success: true, message: '' });
        resolve({ success: false, message: `HTTP probe failed with statuscode: ${status}` });
      });
    });
    const timer = setTimeout(() => {
      fail('context deadline exceeded (Client.Timeout exceeded while awaiting headers)');
      request.destroy();
    }, limitMs(timeoutSeconds));
    request.on('error', (error) => {
      clearTimeout(timer);
      fail(`dial tcp ${host}:${port}: ${inKubeletsWords(error)}`);
    });
    request.end();
  });
}

/** A TCP connection from this process straight to the pod. */
export function tcpProbe(
  action: V1TCPSocketAction,
  { podIp, container, timeoutSeconds }: Target,
): Promise<ProbeResult> {
  const port = resolvePort(action.port, container);
  const host = action.host === undefined || action.host === '' ? podIp : action.host;
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (result: ProbeResult): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const fail = (message: string): void => end({ success: false, message: `dial tcp ${host}:${port}: ${message}` });
    const timer = setTimeout(() => fail('i/o timeout'), limitMs(timeoutSeconds));
    socket.on('connect', () => end({ success: true, message: '' }));
    socket.on('error', (error) => fail(inKubeletsWords(error)));
  });
}

/** A port by number, or by its name among the container's. @throws Error in kubelet's words when there is none. */
export function resolvePort(port: number | string | object, container: V1Container): number {
  if (typeof port === 'number') return port;
  const name = String(port);
  const named = container.ports?.find((candidate) => candidate.name === name)?.containerPort;
  if (named !== undefined) return named;
  if (/^\d+$/.test(name)) return Number(name);
  throw new Error(`strconv.Atoi: parsing "${name}": invalid syntax`);
}

function limitMs(seconds: number): number {
  return Math.min(seconds * 1000, longestTimerMs);
}

/** Reads a body to its end, or as much as kubelet would. */
async function drain(response: IncomingMessage): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of response) {
      bytes += (chunk as Buffer).length;
      if (bytes > longestBodyBytes) break;
    }
  } catch {
    // The status has come, and it alone counts.
  }
}

/** A connection's error as Go says it. */
function inKubeletsWords({ code, message }: NodeJS.ErrnoException): string {
  const said: Record<string, string> = {
    ECONNREFUSED: 'connection refused',
    ECONNRESET: 'connection reset by peer',
    EHOSTUNREACH: 'no route to host',
    ENETUNREACH: 'network is unreachable',
    ETIMEDOUT: 'connection timed out',
  };
  const known = said[code ?? ''];
  return known === undefined ? message : `connect: ${known}`;
}
