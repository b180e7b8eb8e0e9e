import { setTimeout as delay } from 'node:timers/promises';
import { LabError } from '../../clusters/error.ts';
import type { Kube } from '../../clusters/kube/kube.ts';
import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import { sendRequests } from '../load/generator.ts';
import type { Deployed } from './deploy.ts';
import { workloadAdminPort } from './path-evidence.ts';
import type { PlannedCase } from './plan.ts';

/** A namespace of Services that nobody asks but to see whether they are there. */
export const namespace = 'lab-services';
const servicesPath = `/api/v1/namespaces/${namespace}/services`;
const slicesPath = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;

/** Requests to the API under way at once. */
const atOnce = 32;
/** Many at once are much for iptables: 20,000 that went took it longer than three minutes. */
const programmedTimeoutSeconds = 900;
const probeTimeoutSeconds = 0.5;
const pauseMs = 20;
/**
 * What the many Services lead to: the workload's own port, which no data plane touches and no evidence counts. A proxy may
 * send an attempt from before a Service was there on when it is, long after the attempt was given up.
 */
const port = workloadAdminPort;
/** It takes minutes. */
const progressEvery = 1000;

/** A backend of the many Services, and who asks it: one for each pool, with its own workload and generator. */
export type Backend = { planned: PlannedCase; deployed: Deployed };

/**
 * Makes Services beside the cluster's own, `from` to `to`, each with an EndpointSlice; their backends are the pools'
 * workloads in turn. Resolves when the last one of each pool answers, with the seconds that took.
 * @throws LabError LAB_SERVICES_NOT_PROGRAMMED when one does not answer in 15 minutes.
 */
export async function addServices(
  context: DataPlaneContext,
  backends: readonly Backend[],
  { from, to }: { from: number; to: number },
): Promise<ReadonlyMap<Backend, number>> {
  const last = await createServices(context, backends, { from, to });
  context.progress(`${to} Services: waiting for the data planes`);
  return new Map(
    await Promise.all(
      [...last].map(async ([backend, address]) => [backend, await untilAnswers(context, backend, address)] as const),
    ),
  );
}

/** Removes all of them, with their namespace. Resolves when it is gone. */
export async function removeServices(kube: Kube, signal: AbortSignal): Promise<void> {
  await kube.delete([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }], signal);
  await kube.waitFor('/api/v1/namespaces', {
    signal,
    timeoutSeconds: programmedTimeoutSeconds,
    what: `namespace ${namespace} to be gone`,
    fieldSelector: `metadata.name=${namespace}`,
    condition: (namespaces) => namespaces.length === 0,
  });
}

/** @returns the addresses of the Services made last, one for each pool. */
async function createServices(
  { kube, signal, progress }: DataPlaneContext,
  backends: readonly Backend[],
  { from, to }: { from: number; to: number },
): Promise<ReadonlyMap<Backend, string>> {
  await kube.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }], signal);
  const last = new Map<Backend, string>();
  let next = from;
  const work = async (): Promise<void> => {
    while (next < to) {
      const number = next++;
      if (number % progressEvery === 0) progress(`creating Services: ${number} of ${to}`);
      const backend = backends[number % backends.length] as Backend;
      const name = `service-${number}`;
      await kube.json('POST', slicesPath, { body: sliceOf(name, backend), signal });
      const service = await kube.json<{ spec: { clusterIP: string } }>('POST', servicesPath, {
        body: { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports: [{ port }] } },
        signal,
      });
      if (number >= to - backends.length) last.set(backend, service.spec.clusterIP);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return last;
}

/** The seconds from now until a Service answers. */
async function untilAnswers(
  { kube, signal }: DataPlaneContext,
  { planned, deployed }: Backend,
  address: string,
): Promise<number> {
  const generator = deployed.generators.get(planned.testCase.placement);
  if (generator === undefined) throw new Error(`no generator for ${planned.id}`);
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  const url = `http://${address}:${port}`;
  const request = { url, path: '/healthz', count: 1, headers: {}, timeoutSeconds: probeTimeoutSeconds };
  for (;;) {
    const { error } = await sendRequests(kube, generator, request, signal);
    if (error === null) return seconds();
    if (seconds() > programmedTimeoutSeconds) {
      throw new LabError('LAB_SERVICES_NOT_PROGRAMMED', {
        message: `After ${programmedTimeoutSeconds} s ${url} does not answer through ${planned.id}: ${error}`,
      });
    }
    await delay(pauseMs, undefined, { signal });
  }
}

function sliceOf(service: string, { deployed }: Backend): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: service, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [deployed.workload.status?.podIP ?? ''], conditions: { ready: true } }],
    ports: [{ name: '', port, protocol: 'TCP' }],
  };
}
