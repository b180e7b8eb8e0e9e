import type { Pool } from '../../clusters/cluster.ts';
import type { DataPlaneContext } from '../data-plane.ts';
import type { PolicyAnswer, PolicyQuestion } from '../policy-question.ts';
import { askAgent } from './agent-client.ts';

/** Asks the agent of the pod's node, which looks the connection up in the maps that the kernel's programs use. */
export function traceSidecarless(
  context: DataPlaneContext,
  pool: Pool,
  { pod, node, direction, peer, protocol, port }: PolicyQuestion,
): Promise<PolicyAnswer> {
  const query = new URLSearchParams({
    namespace: pod.namespace,
    pod: pod.name,
    direction,
    peer: 'address' in peer ? peer.address : peer.entity,
    protocol,
    port: String(port),
  });
  return askAgent(context, { namespace: pool.systemNamespace, node, path: `/trace?${query}` });
}
