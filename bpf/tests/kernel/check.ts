import { LabError } from '../../../clusters/error.ts';
import { packetTestsOnOldestKernel } from './packet-tests.ts';
import { figuresHere, figuresOnOldestKernel } from './verifier-figures.ts';

// Proves that the oldest kernel takes every program, and passes the packet tests (all, or those files that are named): what the verifiers of it
// and of the running kernel had to do goes to standard output as JSON, all else to standard error.
const files = process.argv.slice(2);
const interruption = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => interruption.abort());
const context = {
  signal: interruption.signal,
  progress: (message: string) => void process.stderr.write(`${message}\n`),
};

try {
  const figures = [await figuresHere(context), await figuresOnOldestKernel(context)];
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
  const tests = await packetTestsOnOldestKernel(files, context);
  process.stderr.write(`${tests.stdout}${tests.stderr}`);
  process.exitCode = tests.exitCode === 0 ? 0 : 5;
} catch (error) {
  if (!interruption.signal.aborted && !(error instanceof LabError)) throw error;
  process.stderr.write(error instanceof LabError ? `${error.message}\n${error.remedy ?? ''}\n` : 'interrupted\n');
  process.exitCode = error instanceof LabError ? error.exitCode : 130;
}
