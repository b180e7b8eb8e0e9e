import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from '../../clusters/cluster.ts';
import { LabError } from '../../clusters/error.ts';
import { sendRequests } from '../load/generator.ts';
import type { Subject } from './subject.ts';

/** A namespace of Services that nobody asks but to see whether they are there. */
const namespace = 'many';
const servicesPath = `/api/v1/namespaces/${namespace}/services`;
const slicesPath = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;

/** Requests to the API under way at once. */
const atOnce = 32;
/** Many at once are much for iptables: 20,000 that went took it longer than three minutes. */
const programmedTimeoutSeconds = 900;
const probeTimeoutSeconds = 0.5;
const pauseMs = 20;
/** It takes minutes. */
const progressEvery = 1000;

/** The addresses of the Services made last, one for each data plane: its own workload is behind it. */
export type Last = ReadonlyMap<Subject, string>;

/** Makes Services `from` to `to`, each with an EndpointSlice; backends are the subjects' workloads in turn. */
export async function createServices(
  { kube }: Cluster,
  subjects: readonly Subject[],
  {
    from,
    to,
    signal,
    progress,
  }: { from: number; to: number; signal: AbortSignal; progress: (message: string) => void },
): Promise<Last> {
  await kube.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }], signal);
  const last = new Map<Subject, string>();
  let next = from;
  const work = async (): Promise<void> => {
    while (next < to) {
      const number = next++;
      if (number % progressEvery === 0) progress(`creating Services: ${number} of ${to}`);
      const subject = subjects[number % subjects.length] as Subject;
      const name = `service-${number}`;
      const { port } = subject.planned.testCase;
      await kube.json('POST', slicesPath, { body: sliceOf(name, subject, port), signal });
      const service = await kube.json<{ spec: { clusterIP: string } }>('POST', servicesPath, {
        body: { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports: [{ port }] } },
        signal,
      });
      if (number >= to - subjects.length) last.set(subject, service.spec.clusterIP);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return last;
}

/** Deletes the first `count` of them, one by one: as a collection they take longer than the API server gives a request. */
export async function deleteServices(
  { kube }: Cluster,
  { count, signal, progress }: { count: number; signal: AbortSignal; progress: (message: string) => void },
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const number = next++;
      if (number % progressEvery === 0) progress(`deleting Services: ${number} of ${count}`);
      const name = `service-${number}`;
      for (const path of [servicesPath, slicesPath]) await kube.json('DELETE', `${path}/${name}`, { signal });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

/** Resolves with the seconds until the last Service of each data plane answers (or no longer does), from now on. */
export async function untilProgrammed(
  { kube }: Cluster,
  last: Last,
  { there, signal }: { there: boolean; signal: AbortSignal },
): Promise<ReadonlyMap<Subject, number>> {
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  const entries = [...last].map(async ([subject, address]) => {
    const { planned, deployed } = subject;
    const generator = deployed.generators.get(planned.testCase.placement);
    if (generator === undefined) throw new Error(`no generator for ${planned.id}`);
    const url = `http://${address}:${planned.testCase.port}`;
    const request = { url, path: '/?bytes=1', count: 1, headers: {}, timeoutSeconds: probeTimeoutSeconds };
    for (;;) {
      const { error } = await sendRequests(kube, generator, request, signal);
      if ((error === null) === there) return [subject, seconds()] as const;
      if (seconds() > programmedTimeoutSeconds) {
        throw new LabError('LAB_SERVICES_NOT_PROGRAMMED', {
          message: `After ${programmedTimeoutSeconds} s ${planned.id} does not yet treat ${url} as it should: ${error ?? 'it answers'}`,
        });
      }
      await delay(pauseMs, undefined, { signal });
    }
  });
  return new Map(await Promise.all(entries));
}

function sliceOf(service: string, { deployed }: Subject, port: number): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: service, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [deployed.workload.status?.podIP ?? ''], conditions: { ready: true } }],
    ports: [{ name: '', port, protocol: 'TCP' }],
  };
}
