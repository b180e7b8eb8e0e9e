import { styleText } from 'node:util';
import type { Finding } from '../../clusters/doctor/finding.ts';
import { kernelFindings } from '../../clusters/doctor/kernel.ts';
import { machineFindings } from '../../clusters/doctor/machine.ts';
import { programFindings } from '../../clusters/doctor/programs.ts';
import { everyArtefact } from '../brought.ts';
import { command } from '../cli/command.ts';
import { switchFlag } from '../cli/flag.ts';

const colours = { ok: 'green', lacks: 'red', note: 'yellow' } as const;

export const doctor = command({
  description:
    'Looks at the host and changes nothing of it: what it tries, it tries in namespaces that end with it. Ends with\nexit code 3 where something is lacking.',
  cluster: false,
  flags: { json: switchFlag('print one JSON object: {findings: [{name, state, found, why, remedy}]}') },
  positionals: [],
  rest: 'none',
  async run({ flags, signal, stdout }) {
    const findings = [
      ...(await machineFindings()),
      ...(process.platform === 'linux' ? await kernelFindings(signal) : []),
      ...(await programFindings(everyArtefact, signal)),
    ];
    if (flags.json) stdout.write(`${JSON.stringify({ findings }, null, 2)}\n`);
    else for (const finding of findings) stdout.write(lines(finding));
    return findings.some(({ state }) => state === 'lacks') ? 3 : 0;
  },
});

function lines({ name, state, found, why, remedy }: Finding): string {
  const mark = styleText(colours[state], state.padEnd(5), { stream: process.stdout });
  const first = `${mark}  ${name}: ${found}\n`;
  if (state === 'ok') return first;
  return `${first}       ${why}\n${remedy === null ? '' : `       -> ${remedy}\n`}`;
}
