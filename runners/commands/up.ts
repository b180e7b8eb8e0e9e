import { clusterFlag, retainFlag } from '../cli/cluster-flag.ts';
import { command } from '../cli/command.ts';
import { switchFlag } from '../cli/flag.ts';
import { allPools, planesFlag } from '../cli/planes.ts';

export const up = command({
  description:
    'Starts a real Kubernetes control plane, two nodes for each data plane and one outside them, and installs the data ' +
    'planes. It stays up until `lab down`. Any kubectl works with the kubeconfig that is printed.',
  cluster: true,
  flags: {
    cluster: clusterFlag,
    retain: retainFlag,
    planes: planesFlag,
    json: switchFlag('print one JSON object: {kubeconfig, pools: [{name, dataPlane, nodes}], seconds}'),
  },
  positionals: [],
  rest: 'none',
  async run({ flags, signal, stdout, stderr }) {
    const { createProgress } = await import('../cli/progress.ts');
    const { exclusively, openCluster } = await import('../session.ts');
    const progress = createProgress(stderr);
    const began = performance.now();
    const context = { signal, progress: (message: string) => progress.step(message) };
    try {
      const { cluster, broughtUp } = await exclusively(() =>
        openCluster(
          { kind: flags.cluster, pools: flags.planes, fallback: allPools(), ephemeral: false, retain: flags.retain },
          context,
        ),
      );
      progress.end();
      const seconds = (performance.now() - began) / 1000;
      const { kubeconfig } = cluster;
      if (flags.json) {
        const pools = cluster.pools.map(({ name, dataPlane, nodes }) => ({ name, dataPlane, nodes }));
        stdout.write(`${JSON.stringify({ kubeconfig, pools, seconds })}\n`);
        return 0;
      }
      const planes = cluster.pools.map(({ name }) => name).join(', ');
      stderr.write(`${broughtUp ? 'Up' : 'Already up'} after ${seconds.toFixed(1)} s, with ${planes}.\n`);
      stderr.write('`lab kubectl …` talks to it, `lab run latency` measures on it, `lab down` ends it.\n');
      stdout.write(`export KUBECONFIG=${kubeconfig}\n`);
      return 0;
    } finally {
      progress.end();
    }
  },
});
