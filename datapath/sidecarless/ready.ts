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
  const { namespace, systemNamespace } = pool;
  const service = await kube.json<V1Service>('GET', `/api/v1/namespaces/${namespace}/services/workload`, { signal });
  const names = (service.spec?.ports ?? []).map(({ port }) => `${namespace}/workload:${port}`);
  const slicesPath = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
  const query = { labelSelector: 'kubernetes.io/service-name=workload' };
  const deadline = Date.now() + timeoutSeconds * 1000;
  for (;;) {
    // Both anew each time: pods may still be becoming ready.
    const [{ items }, ...written] = await Promise.all([
      kube.json<{ items: V1EndpointSlice[] }>('GET', slicesPath, { query, signal }),
      ...pool.nodes.map((node) =>
        askAgent<{ backends: Record<string, number> }>(context, {
          namespace: systemNamespace,
          node,
          path: '/services',
        }),
      ),
    ]);
    const expected = items.reduce((sum, slice) => sum + readyCount(slice), 0);
    const late = pool.nodes.filter((_, index) => names.some((name) => written[index]?.backends[name] !== expected));
    if (expected > 0 && late.length === 0) return;
    if (Date.now() > deadline) {
      throw new LabError('LAB_SERVICES_NOT_READY', {
        message: `The Service workload of ${pool.name} has ${expected} ready pods, and the node agents on ${late.join(' and ')} have not written it so in ${timeoutSeconds} s`,
      });
    }
    await delay(pauseMs, undefined, { signal });
  }
}

function readyCount(slice: V1EndpointSlice): number {
  return (slice.endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false).length;
}
