import { checks } from '../checks/checks.ts';
import { command } from '../cli/command.ts';
import { switchFlag, wholeNumberFlag } from '../cli/flag.ts';
import { createProgress } from '../cli/progress.ts';

export const check = command({
  description:
    'Checks a claim that the lab makes of itself (results/measured.md), on this machine:\n' +
    '  startup     time of up and down with all data planes, and CPU of the idle cluster\n' +
    '  cycles      up and down again and again leaves nothing behind\n' +
    '  same-plane  A/A: the same data plane under two names shows no difference\n' +
    '  second-generator  fortio agrees with k6 on what each data plane adds\n' +
    '  oldest-kernel  sidecarless’s programs work on Debian 12’s kernel, in QEMU, and are no more work to verify\n' +
    '  cni         how long the runtime waits for sidecarless to connect a pod, on kind\n' +
    '  enforcement how long after a change of policy packets are treated accordingly\n' +
    '  agent       sidecarless’s node agent: speed, memory, CPU when idle\n' +
    'Each but oldest-kernel brings up a cluster of its own, and refuses while one is up. Exit code 1 where the claim\n' +
    'does not hold.',
  cluster: true,
  flags: {
    count: wholeNumberFlag({ description: 'how many times, default: the check’s', min: 1, max: 1000, default: null }),
    json: switchFlag('print one JSON object: {check, held, findings: [{…}]} (cni, enforcement and agent)'),
    renew: switchFlag('record instead of compare (oldest-kernel: instruction counts, in bpf/verifier.json)'),
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
      const { count, json, renew } = flags;
      const context = { signal, progress: (message: string) => progress.step(message), stdout };
      const held = await run({ count, json, renew, ...context });
      return held ? 0 : 1;
    } finally {
      progress.end();
    }
  },
});
