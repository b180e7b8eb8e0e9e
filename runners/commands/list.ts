import { dataPlanes } from '../../datapath/data-planes.ts';
import { command } from '../cli/command.ts';
import { switchFlag } from '../cli/flag.ts';
import { loadScenario, scenarioNames } from '../run/scenario.ts';

export const list = command({
  cluster: false,
  flags: {
    json: switchFlag('print one JSON object: {scenarios: [{name, question}], dataPlanes: [{id, summary, modes}]}'),
  },
  positionals: [],
  rest: 'none',
  async run({ flags, stdout }) {
    const scenarios = await Promise.all(
      (await scenarioNames()).map(async (name) => ({ name, question: (await loadScenario(name)).question })),
    );
    const planes = dataPlanes.map(({ id, summary, modes }) => ({ id, summary, modes }));
    if (flags.json) {
      stdout.write(`${JSON.stringify({ scenarios, dataPlanes: planes }, null, 2)}\n`);
      return;
    }
    const width = Math.max(
      ...[...scenarios.map(({ name }) => name), ...planes.map(({ id }) => id)].map((word) => word.length),
    );
    const line = (name: string, text: string): string => `  ${name.padEnd(width)}  ${text}\n`;
    stdout.write('Scenarios, for `lab run SCENARIO`:\n');
    for (const { name, question } of scenarios) stdout.write(line(name, question));
    stdout.write('Data planes, for --planes:\n');
    for (const { id, summary, modes } of planes) {
      const shown = modes.map(
        ({ profile, encryption, variant }) => `${profile}/${encryption}${variant === null ? '' : `/${variant}`}`,
      );
      stdout.write(line(id, `${summary} (${shown.join(', ')})`));
    }
  },
});
