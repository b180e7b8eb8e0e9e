import { prepareHost } from '../../clusters/host.ts';
import { findEngine } from '../../clusters/kind/engine.ts';
import { ensureEngineTree } from '../../clusters/kind/engine-tree.ts';
import { ensureNodeImage } from '../../clusters/kind/node-image.ts';
import { ensurePrograms } from '../../clusters/tools/programs.ts';
import { broughtImages, broughtPrograms } from '../brought.ts';
import { command } from '../cli/command.ts';
import { createProgress } from '../cli/progress.ts';

export const images = command({
  description:
    'build  makes the node image of `--cluster kind` with the lab’s images in it, from Debian packages and Kubernetes,\n' +
    '       unless the cache has it, and the Docker daemon to run it where this host has none that answers. What an\n' +
    '       interrupted build had finished is not made again. Prints the image’s name.\n' +
    'Where an image registry answers, `--cluster kind` takes kind’s own node image instead, and needs no build.',
  cluster: true,
  flags: {},
  positionals: [
    { name: 'ACTION', description: 'what to do', required: true, choices: () => Promise.resolve(['build']) },
  ],
  rest: 'none',
  async run({ signal, stdout, stderr }) {
    const progress = createProgress(stderr);
    const context = { signal, progress: (message: string) => progress.step(message) };
    try {
      await prepareHost(context);
      if ((await findEngine(context)) === null) await ensureEngineTree(context);
      await ensurePrograms(broughtPrograms, context);
      const { reference } = await ensureNodeImage(broughtImages(), context);
      progress.end();
      stdout.write(`${reference}\n`);
      return 0;
    } finally {
      progress.end();
    }
  },
});
