import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { VerifierFigures } from './verifier-figures.ts';

/** The figures that this version of the programs is known to have: `bpf/verifier.json`. */
export const VerifierRecord = z.strictObject({ oldest: VerifierFigures, running: VerifierFigures });
export type VerifierRecord = z.infer<typeof VerifierRecord>;

const path = join(import.meta.dirname, '../verifier.json');

/** By how much a count may exceed the recorded one: a kernel's security updates change it too. */
const tolerance = 1.1;

export async function readVerifierRecord(): Promise<VerifierRecord> {
  return VerifierRecord.parse(JSON.parse(await readFile(path, 'utf8')));
}

export async function writeVerifierRecord(record: VerifierRecord): Promise<void> {
  await writeFile(path, `${JSON.stringify(record, null, 2)}\n`);
}

/**
 * What speaks against figures, a line each: programs that the record has and they have not, or the other way round, and
 * counts that have grown by more than a tenth. Counts of another kernel's series or another compiler say nothing.
 */
export function departures(recorded: VerifierFigures, seen: VerifierFigures): string[] {
  const names = new Set([recorded, seen].flatMap(({ verifiedInstructions }) => Object.keys(verifiedInstructions)));
  const comparable = series(recorded) === series(seen);
  return [...names].flatMap((name) => {
    const [then, now] = [recorded.verifiedInstructions[name], seen.verifiedInstructions[name]];
    if (then === undefined) return [`${name} is not in bpf/verifier.json`];
    if (now === undefined) return [`${name} is in bpf/verifier.json, and no program`];
    return comparable && now > then * tolerance
      ? [`${name}: the verifier of ${seen.kernel} goes through ${now} instructions, ${then} before`]
      : [];
  });
}

function series({ kernel, compiler }: VerifierFigures): string {
  return `${/^\d+\.\d+/.exec(kernel)?.[0]} ${compiler}`;
}
