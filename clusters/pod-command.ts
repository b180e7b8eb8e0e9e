import type { Cluster } from './cluster.ts';
import type { ExecRequest } from './kubelet/exec-command.ts';
import { embeddedPodCommand } from './netns/pod-command.ts';
import { toolPath } from './tools/tools.ts';

/**
 * The command line that runs a command in a container of a cluster, from the host: by the supervisor where the nodes are
 * its own, by kubectl where there are kubelets, which the caller has made sure of.
 * @throws LabError when there is no such pod or container, or it does not run.
 */
export async function podCommand(
  { kind, kubeconfig }: Pick<Cluster, 'kind' | 'kubeconfig'>,
  request: ExecRequest,
): Promise<{ file: string; args: string[] }> {
  if (kind === 'netns') return embeddedPodCommand(request);
  const { namespace, pod, container, command, tty } = request;
  const flags = [`--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`, '--stdin', ...(tty ? ['--tty'] : [])];
  const of = container === null ? [] : [`--container=${container}`];
  return { file: toolPath('kubectl'), args: ['exec', ...flags, ...of, pod, '--', ...command] };
}
