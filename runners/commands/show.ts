import { join } from 'node:path';
import { LabError } from '../../clusters/error.ts';
import { compare } from '../../results/rows.ts';
import { list, load } from '../../results/store.ts';
import { command } from '../cli/command.ts';
import { switchFlag } from '../cli/flag.ts';
import { storeDirectory } from '../cli/store-directory.ts';
import { renderComparison } from '../table/comparison.ts';

export const show = command({
  description:
    'Prints the comparison of a stored run, computed anew from its samples: of the run named, by its id or as a file, or ' +
    'of the newest one.',
  cluster: false,
  flags: {
    all: switchFlag('list the stored runs instead'),
    json: switchFlag('print one JSON object: {run, scenario, rows: [{…}]}, or with --all {runs: [{…}]}'),
  },
  positionals: [{ name: 'RUN', description: 'a run’s id or file', required: false }],
  rest: 'none',
  async run({ flags, positionals, stdout, stderr }) {
    const [asked] = positionals;
    // Whoever names a run need not hear about the others.
    const stored = asked === undefined || flags.all ? await list(storeDirectory) : { runs: [], errors: [] };
    for (const { message } of stored.errors) stderr.write(`${message}\n`);
    if (flags.all) {
      if (flags.json) stdout.write(`${JSON.stringify({ runs: stored.runs })}\n`);
      else for (const { id, status, path } of stored.runs) stdout.write(`${id}  ${status.state.padEnd(11)}  ${path}\n`);
      return 0;
    }
    const run = await load(pathOf(asked, stored.runs.at(-1)?.path));
    const comparison = compare(run);
    stdout.write(flags.json ? `${JSON.stringify(comparison)}\n` : renderComparison(run, comparison, stdout));
    return comparison.rows.every(({ valid }) => valid) ? 0 : 4;
  },
});

function pathOf(asked: string | undefined, newest: string | undefined): string {
  if (asked !== undefined)
    return /^\d{8}T\d{6}Z-[a-z0-9-]+$/.test(asked) ? join(storeDirectory, `${asked}.json`) : asked;
  if (newest !== undefined) return newest;
  throw new LabError('LAB_NO_RUNS', {
    message: `There is no run in ${storeDirectory}`,
    remedy: 'Record one with `lab run latency`, or give the file of one.',
    exitCode: 2,
  });
}
