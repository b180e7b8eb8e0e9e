import { runInForeground } from '../../clusters/exec.ts';
import { findCluster } from '../../clusters/life/attach.ts';
import { podCommand } from '../../clusters/pod-command.ts';
import { ensureTools } from '../../clusters/tools/tools.ts';
import { command } from '../cli/command.ts';
import { textFlag } from '../cli/flag.ts';
import { noCluster } from '../cli/no-cluster.ts';

export const exec = command({
  description:
    'Runs a command in a running container of the cluster that is up, with this terminal’s input and output; the exit ' +
    'code is the command’s.',
  cluster: true,
  flags: {
    namespace: textFlag({ placeholder: 'NAME', description: 'the pod’s namespace (default: default)' }),
    container: textFlag({ placeholder: 'NAME', description: 'which of its containers (default: the first)' }),
  },
  positionals: [{ name: 'POD', description: 'the pod’s name, or NAMESPACE/NAME', required: true }],
  rest: 'after --',
  restName: 'COMMAND [ARGUMENT...]',
  async run({ flags, positionals, rest, signal, stderr }) {
    const cluster = await findCluster();
    if (cluster === null) throw noCluster();
    await ensureTools(['kubectl'], { signal, progress: (message) => stderr.write(`${message}\n`) });
    const [first = '', second] = (positionals[0] ?? '').split('/');
    const { file, args } = await podCommand(cluster, {
      namespace: second === undefined ? (flags.namespace ?? 'default') : first,
      pod: second ?? first,
      container: flags.container,
      command: [...rest],
      tty: process.stdin.isTTY === true && process.stdout.isTTY === true,
    });
    return runInForeground(file, args, {});
  },
});
