import { setTimeout as delay } from 'node:timers/promises';
import type { V1EndpointSlice, V1Service } from '@kubernetes/client-node';
import type { Pool } from '../../clusters/cluster.ts';
import { LabError } from '../../clusters/error.ts';
import type { DataPlaneContext } from '../data-plane.ts';
import { askAgent } from './agent-client.ts';

const timeoutSeconds = 20;
const pauseMs = 50;

/** Resolves when the agents of both nodes have written every port of the Service `workload` with all its backends. */
export async function servicesReady(context: DataPlaneContext, pool: Pool): Promise<void> {
  const { kube, signal } = context;
  const { namespace } = pool;
  const [service, slices] = await Promise.all([
    kube.json<V1Service>('GET', `/api/v1/namespaces/${namespace}/services/workload`, { signal }),
    kube.waitFor<V1EndpointSlice>(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, {
      signal,
      timeoutSeconds,
      what: `the Service workload of ${pool.name} to have endpoints`,
      labelSelector: 'kubernetes.io/service-name=workload',
      condition: (found) => found.some((slice) => readyCount(slice) > 0),
    }),
  ]);
  const backends = slices.reduce((sum, slice) => sum + readyCount(slice), 0);
  const expected = (service.spec?.ports ?? []).map(({ port }) => `${namespace}/workload:${port}`);
  const deadline = Date.now() + timeoutSeconds * 1000;
  for (const node of pool.nodes) {
    for (;;) {
      const { backends: written } = await askAgent<{ backends: Record<string, number> }>(context, {
        namespace: pool.systemNamespace,
        node,
        path: '/services',
      });
      const missing = expected.filter((name) => written[name] !== backends);
      if (missing.length === 0) break;
      if (Date.now() > deadline) {
        throw new LabError('LAB_SERVICES_NOT_READY', {
          message: `The node agent on ${node} has not written ${missing.join(', ')} with ${backends} backends in ${timeoutSeconds} s`,
        });
      }
      await delay(pauseMs, undefined, { signal });
    }
  }
}

function readyCount(slice: V1EndpointSlice): number {
  return (slice.endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false).length;
}
