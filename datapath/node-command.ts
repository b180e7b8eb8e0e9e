import { randomBytes } from 'node:crypto';
import type { V1Pod } from '@kubernetes/client-node';
import { LabError } from '../clusters/error.ts';
import type { DataPlaneContext } from './data-plane.ts';

const timeoutSeconds = 30;

/** The labels of every pod that runs a command on a node. */
export const nodePodLabels = { app: 'node-command' } as const;

/** Longer than any command or capture takes. It ends those of a lab that was killed. */
const deadlineSeconds = 180;

/**
 * Runs a shell command in a node's network namespace and returns what it printed: a pod of the host's network that
 * lives as long as the command, so that it works wherever pods do.
 * @throws LabError LAB_NODE_COMMAND_FAILED with its output when the command fails.
 */
export async function runOnNode(
  { kube, signal }: Pick<DataPlaneContext, 'kube' | 'signal'>,
  { namespace, node, script }: { namespace: string; node: string; script: string },
): Promise<string> {
  const name = `node-command-${randomBytes(4).toString('hex')}`;
  const path = `/api/v1/namespaces/${namespace}/pods`;
  await kube.json('POST', path, { body: nodePod({ name, namespace, node, script }), signal });
  try {
    const [pod] = await kube.waitFor<V1Pod>(path, {
      signal,
      timeoutSeconds,
      what: `a command on node ${node}`,
      fieldSelector: `metadata.name=${name}`,
      condition: ([pod]) => pod?.status?.phase === 'Succeeded' || pod?.status?.phase === 'Failed',
      describe: ([pod]) => JSON.stringify(pod?.status?.containerStatuses?.[0]?.state ?? pod?.status ?? 'not there'),
    });
    const response = await kube.request('GET', `${path}/${name}/log`, { signal });
    const output = await response.text();
    if (pod?.status?.phase === 'Succeeded' && response.ok) return output;
    throw new LabError('LAB_NODE_COMMAND_FAILED', { message: `A command on node ${node} failed:\n${output.trim()}` });
  } finally {
    await kube.json('DELETE', `${path}/${name}`, { query: { gracePeriodSeconds: '0' } });
  }
}

/** A pod that runs shell text in a node's own network namespace, with what it takes to look at it; for 3 min at most. */
export function nodePod({
  name,
  namespace,
  node,
  script,
}: {
  name: string;
  namespace: string;
  node: string;
  script: string;
}): V1Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: nodePodLabels },
    spec: {
      hostNetwork: true,
      nodeName: node,
      restartPolicy: 'Never',
      activeDeadlineSeconds: deadlineSeconds,
      terminationGracePeriodSeconds: 5,
      tolerations: [{ operator: 'Exists' }],
      containers: [
        {
          name: 'command',
          image: 'lab/node-tools:lab',
          command: ['sh', '-ec', script],
          securityContext: { capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } },
        },
      ],
    },
  };
}
