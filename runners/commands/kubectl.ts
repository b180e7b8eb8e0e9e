import { runInForeground } from '../../clusters/exec.ts';
import { findCluster } from '../../clusters/life/attach.ts';
import { ensureTools, toolPath } from '../../clusters/tools/tools.ts';
import { command } from '../cli/command.ts';
import { noCluster } from '../cli/no-cluster.ts';

export const kubectl = command({
  description: 'Runs the pinned kubectl with the kubeconfig of the cluster that is up. All arguments are kubectl’s.',
  cluster: true,
  flags: {},
  positionals: [],
  rest: 'all',
  restName: 'ARGUMENT...',
  async run({ rest, signal, stderr }) {
    const cluster = await findCluster();
    if (cluster === null) throw noCluster();
    await ensureTools(['kubectl'], { signal, progress: (message) => stderr.write(`${message}\n`) });
    return runInForeground(toolPath('kubectl'), rest, { KUBECONFIG: cluster.kubeconfig });
  },
});
