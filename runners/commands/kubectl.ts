import { LabError } from '../../clusters/error.ts';
import { runInForeground } from '../../clusters/exec.ts';
import { attach } from '../../clusters/netns/life.ts';
import { ensureTools, toolPath } from '../../clusters/tools.ts';
import { command } from '../command.ts';

export const kubectl = command({
  description: 'Runs the pinned kubectl with the kubeconfig of the cluster that is up. All arguments are kubectl’s.',
  cluster: true,
  flags: {},
  positionals: [],
  rest: 'all',
  restName: 'ARGUMENT...',
  async run({ rest, signal, stderr }) {
    const cluster = await attach();
    if (cluster === null) throw noCluster();
    await ensureTools(['kubectl'], { signal, progress: (message) => stderr.write(`${message}\n`) });
    return runInForeground(toolPath('kubectl'), rest, { KUBECONFIG: cluster.kubeconfig });
  },
});

/** What a command says that needs a cluster and finds none. */
export function noCluster(): LabError {
  return new LabError('LAB_NO_CLUSTER', { message: 'No cluster is up', remedy: 'Start one with `lab up`.' });
}
