import { requireClusterHost } from '../clusters/cluster-host.ts';
import { LabError } from '../clusters/error.ts';
import { runCli } from './cli/cli.ts';
import { tidyUp } from './cli/tidy-up.ts';
import { commands } from './commands/commands.ts';

// The entry of `lab`: signals in, exit code out.

/** For a command to end in order after a fault that nobody has caught. */
const endingLimitMs = 60_000;

const interruption = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    if (interruption.signal.aborted) process.exit(130);
    interruption.abort(new LabError('LAB_INTERRUPTED', { message: `Interrupted by ${name}.`, exitCode: 130 }));
  });
}
// `lab list | head -1` is no failure of ours, but what still runs must end in order.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  interruption.abort(new LabError('LAB_INTERRUPTED', { message: 'Nobody reads the output.', exitCode: 130 }));
});
// Where nobody reads what goes wrong there is nobody to tell.
process.stderr.on('error', () => undefined);

// What nobody has caught ends the command in order too, or a cluster would be left behind. While one ends already it is
// told, and the clean-up goes on.
let isAtFault = false;
process.on('uncaughtException', (error) => {
  const exitCode = interruption.signal.aborted && !isAtFault ? 130 : 5;
  // What has failed may be what somebody waits for.
  setTimeout(() => process.exit(exitCode), endingLimitMs);
  if (interruption.signal.aborted) {
    process.stderr.write(`lab: while it ended: ${error instanceof Error ? error.stack : String(error)}\n`);
  } else {
    isAtFault = true;
    interruption.abort(error);
  }
});

const exitCode = await runCli(process.argv.slice(2), {
  commands,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interruption.signal,
  requireClusterHost,
  tidyUp: () => tidyUp((message) => process.stderr.write(`${message}\n`)),
});
// Whatever a library still holds open must not hold the command up.
process.exit(isAtFault ? 5 : exitCode);
