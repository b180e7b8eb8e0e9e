import type { V1Node, V1Pod } from '@kubernetes/client-node';
import { hasReadyCondition } from '../../clusters/kube/pod-ready.ts';
import { findCluster } from '../../clusters/life/attach.ts';
import { command } from '../cli/command.ts';
import { switchFlag } from '../cli/flag.ts';

export const status = command({
  description:
    'Says whether a cluster is up, and how its nodes and pods are. Exit code 0 either way; 5 while one is starting.',
  cluster: true,
  flags: { json: switchFlag('print one JSON object: {up, kubeconfig, nodes: [{name, ready}], pods: [{…}]}') },
  positionals: [],
  rest: 'none',
  async run({ flags, signal, stdout }) {
    const cluster = await findCluster();
    if (cluster === null) {
      stdout.write(flags.json ? `${JSON.stringify({ up: false })}\n` : 'No cluster is up. `lab up` starts one.\n');
      return 0;
    }
    const { kubeconfig } = cluster;
    const { readLists } = await import('../../clusters/kube/read-list.ts');
    const [nodeList, podList] = await readLists<[V1Node, V1Pod]>(kubeconfig, ['/api/v1/nodes', '/api/v1/pods'], signal);
    const nodes = nodeList.map((node) => ({ name: node.metadata?.name ?? '', ready: hasReadyCondition(node.status) }));
    const pods = podList.map((pod) => ({
      namespace: pod.metadata?.namespace ?? '',
      name: pod.metadata?.name ?? '',
      node: pod.spec?.nodeName ?? null,
      phase: pod.status?.phase ?? 'Unknown',
      ready: hasReadyCondition(pod.status),
    }));
    if (flags.json) {
      stdout.write(
        `${JSON.stringify({ up: true, kubeconfig, pools: cluster.pools.map(({ name }) => name), nodes, pods })}\n`,
      );
      return 0;
    }
    stdout.write(`A cluster is up: KUBECONFIG=${kubeconfig}\n`);
    for (const { name, ready } of nodes) {
      stdout.write(`  ${name.padEnd(14)} ${ready ? 'ready' : 'not ready'}\n`);
      for (const pod of pods.filter(({ node }) => node === name)) {
        stdout.write(
          `    ${`${pod.namespace}/${pod.name}`.padEnd(58)} ${pod.phase}${pod.ready ? '' : ', not ready'}\n`,
        );
      }
    }
    return 0;
  },
});
