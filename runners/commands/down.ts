import { attach, tearDown } from '../../clusters/netns/life.ts';
import { command } from '../command.ts';
import { exclusively } from '../session.ts';

export const down = command({
  description: 'Ends the cluster that is up and removes everything that the lab has made on this machine.',
  cluster: true,
  flags: {},
  positionals: [],
  rest: 'none',
  async run({ stderr }) {
    const began = performance.now();
    return exclusively(async () => {
      const running = await attach();
      await tearDown();
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      stderr.write(running === null ? 'Nothing was up.\n' : `Down after ${seconds} s.\n`);
      return 0;
    });
  },
});
