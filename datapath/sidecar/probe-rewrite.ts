import type { V1Container, V1Probe } from '@kubernetes/client-node';
import { envoyPorts } from '../envoy/ports.ts';
import type { AppProbe, AppProbes } from './app-probes.ts';

const kinds = [
  ['livenessProbe', 'livez'],
  ['readinessProbe', 'readyz'],
  ['startupProbe', 'startupz'],
] as const;

/**
 * Points a container's HTTP and TCP probes at the agent, as Istio does: kubelet has no certificate to show to strict
 * mTLS. Probes that run a program, that call gRPC or that name a host of their own stay as they are.
 */
export function rewriteProbes(container: V1Container): { container: V1Container; probes: AppProbes } {
  const rewritten: V1Container = { ...container };
  const probes: AppProbes = {};
  for (const [kind, suffix] of kinds) {
    const probe = container[kind];
    const check = probe === undefined ? null : checkOf(probe, container);
    if (probe === undefined || check === null) continue;
    const path = `/app-health/${container.name}/${suffix}`;
    probes[path] = { check, timeoutSeconds: probe.timeoutSeconds ?? 1 };
    const { httpGet: _http, tcpSocket: _tcp, ...rest } = probe;
    rewritten[kind] = { ...rest, httpGet: { path, port: envoyPorts.agent } };
  }
  return { container: rewritten, probes };
}

function checkOf({ httpGet, tcpSocket }: V1Probe, container: V1Container): AppProbe['check'] | null {
  const target = httpGet ?? tcpSocket;
  if (target === undefined || (target.host ?? '') !== '') return null;
  const port = portNumber(target.port, container);
  if (port === null) return null;
  if (httpGet === undefined) return { kind: 'tcp', port };
  const path = httpGet.path ?? '/';
  return {
    kind: 'http',
    scheme: httpGet.scheme === 'HTTPS' ? 'HTTPS' : 'HTTP',
    port,
    path: path.startsWith('/') ? path : `/${path}`,
    headers: (httpGet.httpHeaders ?? []).map(({ name, value }) => ({ name, value })),
  };
}

function portNumber(port: number | string, { ports = [] }: V1Container): number | null {
  if (typeof port === 'number') return port;
  if (/^\d+$/.test(port)) return Number(port);
  return ports.find(({ name }) => name === port)?.containerPort ?? null;
}
