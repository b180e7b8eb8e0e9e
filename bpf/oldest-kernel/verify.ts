import { globSync } from 'node:fs';
import { release, version } from 'node:os';
import { basename, join } from 'node:path';
import { LabError } from '../../clusters/error.ts';
import { programPath } from '../../clusters/tools/programs.ts';
import { bpfObjects } from '../../datapath/sidecarless/programs.ts';
import { loadedPrograms } from './loaded-programs.ts';
import type { KernelFigures } from './verifier-figures.ts';

// Has the running kernel verify every program and prints the figures as JSON. Where it refuses some, what the verifier
// said is on standard error, and the exit code is 1.
const figures: KernelFigures = { kernel: `${release()} ${version()}`, verifiedInstructions: {} };
const objects = programPath(bpfObjects, 'sidecarless-bpf');
for (const file of globSync('*.bpf.o', { cwd: objects }).sort()) {
  try {
    for (const { name, verifiedInstructions } of loadedPrograms(join(objects, file))) {
      figures.verifiedInstructions[name] = verifiedInstructions;
    }
  } catch (error) {
    if (!(error instanceof LabError) || error.code !== 'LAB_BPF_FAILED') throw error;
    process.stderr.write(`${basename(file)}: ${error.message}\n`);
    process.exitCode = 1;
  }
}
process.stdout.write(`${JSON.stringify(figures)}\n`);
