import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesObject } from '@kubernetes/client-node';
import type { Pool } from '../../clusters/cluster.ts';
import { LabError } from '../../clusters/error.ts';
import type { DataPlaneContext } from '../data-plane.ts';
import { askAgent } from './agent-client.ts';

const timeoutSeconds = 10;
const pauseMs = 10;
const name = 'allow-list';

/** The workload's port for health and counters, which no data plane polices. */
const openPort = '8079';

/**
 * Puts a pool's allow-list by identity in force, or takes it away; resolves when every agent enforces just that. It is what a
 * mesh's rules are: the generator's service account may call the workload, and nobody else.
 * @throws LabError LAB_SETTING_REFUSED where an agent does not within 10 s.
 */
export async function switchAllowList(context: DataPlaneContext, pool: Pool, on: boolean): Promise<void> {
  const { kube, signal } = context;
  if ((await enforcing(context, pool)).every((one) => one === on)) return;
  const list = allowList(pool);
  if (on) await kube.apply([list], signal);
  else await kube.delete([list], signal);
  const deadline = Date.now() + timeoutSeconds * 1000;
  while ((await enforcing(context, pool)).some((one) => one !== on)) {
    if (Date.now() > deadline) {
      throw new LabError('LAB_SETTING_REFUSED', {
        message: `Not every node agent of ${pool.name} has ${on ? 'enforced the allow-list' : 'dropped the allow-list'} in ${timeoutSeconds} s`,
      });
    }
    await delay(pauseMs, undefined, { signal });
  }
}

type Status = { policies: { name: string }[]; policyRevision: { read: number; enforced: number } };

/** Whether each node's agent enforces it; null while one is about to enforce what it has read. */
function enforcing(
  context: DataPlaneContext,
  { systemNamespace: namespace, nodes }: Pool,
): Promise<(boolean | null)[]> {
  return Promise.all(
    nodes.map(async (node) => {
      const { policies, policyRevision } = await askAgent<Status>(context, { namespace, node, path: '/status' });
      if (policyRevision.read !== policyRevision.enforced) return null;
      return policies.some((policy) => policy.name === name);
    }),
  );
}

function allowList({ namespace }: Pool): KubernetesObject {
  const account = (of: string): object => ({ matchLabels: { 'io.cilium.k8s.policy.serviceaccount': of } });
  return {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumNetworkPolicy',
    metadata: { name, namespace },
    spec: {
      endpointSelector: account('workload'),
      ingress: [
        { fromEndpoints: [account('generator')] },
        { fromEntities: ['all'], toPorts: [{ ports: [{ port: openPort, protocol: 'TCP' }] }] },
      ],
    },
  } as KubernetesObject;
}
