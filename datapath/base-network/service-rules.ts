import type { V1EndpointSlice, V1Service } from '@kubernetes/client-node';
import type { Pool } from '../../clusters/cluster.ts';
import type { DataPlaneContext } from '../data-plane.ts';
import { runOnNode } from '../node-command.ts';

const timeoutSeconds = 20;

/**
 * Resolves when kube-proxy on both nodes of a pool sends every port of the Service `workload` to every pod behind it: a
 * pod that is ready is not yet one that the Service leads to.
 * @throws LabError LAB_NODE_COMMAND_FAILED when kube-proxy has not done so in 20 s.
 */
export async function serviceRulesReady({ kube, signal }: DataPlaneContext, pool: Pool): Promise<void> {
  const { namespace, systemNamespace } = pool;
  const [service, slices] = await Promise.all([
    kube.json<V1Service>('GET', `/api/v1/namespaces/${namespace}/services/workload`, { signal }),
    kube.waitFor<V1EndpointSlice>(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, {
      signal,
      timeoutSeconds,
      what: `the Service workload of ${pool.name} to have endpoints`,
      labelSelector: 'kubernetes.io/service-name=workload',
      condition: (found) => found.some((slice) => readyAddresses(slice).length > 0),
    }),
  ]);
  const ports = service.spec?.ports ?? [];
  const expected = slices
    .flatMap(readyAddresses)
    .flatMap((address) =>
      ports.map(({ name, targetPort }) => `${namespace}/workload:${name} -> ${address}:${targetPort}`),
    );
  const script = waitForRules(expected);
  await Promise.all(
    pool.nodes.map((node) => runOnNode({ kube, signal }, { namespace: systemNamespace, node, script })),
  );
}

function readyAddresses(slice: V1EndpointSlice): string[] {
  return (slice.endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses }) => addresses);
}

// In one shell on the node: a pod for each look would take longer than the wait.
function waitForRules(comments: readonly string[]): string {
  const missing = comments.map((comment) => `grep -qF '"${comment}"' /tmp/rules`).join(' && ');
  return `
    look() { iptables-save -t nat > /tmp/rules; ${missing === '' ? 'true' : missing}; }
    tries=0
    until look; do
      tries=$((tries + 1))
      [ $tries -lt ${timeoutSeconds * 10} ] || { echo 'kube-proxy has no rule for one of: ${comments.join(', ')}'; exit 1; }
      sleep 0.1
    done`;
}
