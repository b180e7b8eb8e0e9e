import { checks } from '../checks.ts';
import { command } from '../command.ts';
import { wholeNumberFlag } from '../flag.ts';
import { createProgress } from '../progress.ts';

export const check = command({
  description:
    'Checks a claim that the README makes of the lab itself, on this machine:\n' +
    '  startup     time of up and down with all data planes, and CPU of the idle cluster\n' +
    '  cycles      up and down again and again leaves nothing behind\n' +
    '  same-plane  A/A: the same data plane under two names shows no difference\n' +
    '  second-generator  fortio agrees with k6 on what each data plane adds\n' +
    'Each brings up a cluster of its own, and refuses while one is up. Exit code 1 where the claim does not hold.',
  cluster: true,
  flags: {
    count: wholeNumberFlag({ description: 'how many times, default: the check’s', min: 1, max: 1000, default: null }),
  },
  positionals: [
    { name: 'CHECK', description: 'which', required: true, choices: () => Promise.resolve(Object.keys(checks)) },
  ],
  rest: 'none',
  async run({ flags, positionals, signal, stdout, stderr }) {
    const load = checks[positionals[0] ?? ''];
    if (load === undefined) return 2;
    const progress = createProgress(stderr);
    try {
      const { run } = await load();
      const held = await run({ count: flags.count, signal, progress: (message) => progress.step(message), stdout });
      return held ? 0 : 1;
    } finally {
      progress.end();
    }
  },
});
