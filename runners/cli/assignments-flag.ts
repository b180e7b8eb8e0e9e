import { z } from 'zod';
import type { ParameterValue } from '../../results/measurement.ts';
import type { Flag } from './flag.ts';

/** `NAME=VALUE[,VALUE]`, several of them separated by semicolons: values by name. Null when absent. */
export function assignmentsFlag(description: string): Flag<Readonly<Record<string, readonly ParameterValue[]>> | null> {
  const schema = z
    .string()
    .transform((text, context): Record<string, ParameterValue[]> => {
      const assignments = text
        .split(';')
        .map((part) => /^\s*([A-Za-z][A-Za-z0-9]*)=([^\s,]+(?:,[^\s,]+)*)\s*$/.exec(part));
      if (assignments.includes(null)) context.addIssue('must be NAME=VALUE[,VALUE], several separated by semicolons');
      const names = assignments.map((match) => match?.[1]);
      if (new Set(names).size < names.length) context.addIssue('names a parameter twice');
      return Object.fromEntries(
        assignments.map((match) => [match?.[1] ?? '', (match?.[2] ?? '').split(',').map(valueOfWord)]),
      );
    })
    .nullable()
    .default(null);
  return { description, placeholder: 'NAME=VALUE,VALUE;…', choices: [], schema };
}

function valueOfWord(word: string): ParameterValue {
  if (word === 'true' || word === 'false') return word === 'true';
  return /^-?\d+(\.\d+)?$/.test(word) ? Number(word) : word;
}
