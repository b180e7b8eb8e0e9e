import { join } from 'node:path';
import { outsideNode, type Pool } from '../cluster.ts';
import type { ClusterStart } from '../cluster-start.ts';
import { loadClient } from '../kube/connect.ts';
import { logDirectory } from '../life/paths.ts';
import { identify } from '../life/process-identity.ts';
import { startSupervisor } from '../supervisor/start.ts';
import { ensureTools } from '../tools/tools.ts';
import type { SupervisorOptions } from './supervisor-protocol.ts';

const startTimeoutSeconds = 90;

/** Brings the embedded cluster up: a control plane, and nodes that are network namespaces. Its kubeconfig is written last. */
export async function startNetns({ pools, images, signal, progress, record, holds }: ClusterStart): Promise<void> {
  await ensureTools(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'], { signal, progress });
  const supervisor = await startSupervisor({
    what: 'the embedded cluster',
    program: join(import.meta.dirname, 'supervisor.ts'),
    options: (port): SupervisorOptions => ({ nodes: nodesOf(pools), images, port }),
    log: join(logDirectory, 'supervisor.log'),
    timeoutSeconds: startTimeoutSeconds,
  });
  holds(supervisor);
  await record({ supervisor: await identify(supervisor.process.pid) });
  void loadClient();
  await supervisor.ready(signal, progress);
}

function nodesOf(pools: readonly Pool[]): SupervisorOptions['nodes'] {
  return [...pools.flatMap(({ name, nodes }) => nodes.map((node) => ({ name: node, pool: name }))), outsideNode];
}
