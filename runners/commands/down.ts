import { withLock } from '../../clusters/life/lock.ts';
import { tearDown } from '../../clusters/life/tear-down.ts';
import { command } from '../cli/command.ts';

export const down = command({
  description: 'Ends the cluster that is up and removes everything that the lab has made on this machine.',
  cluster: true,
  cleansUp: true,
  flags: {},
  positionals: [],
  rest: 'none',
  async run({ stderr }) {
    const began = performance.now();
    return withLock(async () => {
      const something = await tearDown();
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      stderr.write(something ? `Down after ${seconds} s.\n` : 'Nothing was up.\n');
      return 0;
    });
  },
});
