import { z } from 'zod';
import { didYouMean } from './suggestion.ts';

/**
 * One flag of a command: parsing, help and completion all come from it. A flag without `placeholder` is a switch.
 * `schema` reads the text that was given, true for a switch, undefined where the flag is absent; its default is the
 * flag's.
 */
export type Flag<T = unknown> = {
  readonly description: string;
  readonly placeholder: string | null;
  /** The values that there are, for completion; empty where any text of the right form does. */
  readonly choices: readonly string[];
  readonly schema: z.ZodType<T>;
};

/** A flag that is there or not. */
export function switchFlag(description: string): Flag<boolean> {
  return { description, placeholder: null, choices: [], schema: z.boolean().default(false) };
}

/** Any text, such as a path. Null when absent. */
export function textFlag({
  placeholder,
  description,
}: {
  placeholder: string;
  description: string;
}): Flag<string | null> {
  return {
    description,
    placeholder,
    choices: [],
    schema: z.string().min(1, 'must not be empty').nullable().default(null),
  };
}

/** Any words, separated by commas. Empty when absent. */
export function wordsFlag({
  placeholder,
  description,
}: {
  placeholder: string;
  description: string;
}): Flag<readonly string[]> {
  const schema = z
    .string()
    .transform((text, context): readonly string[] => {
      const words = text.split(',');
      if (words.includes('')) context.addIssue('must not have an empty part');
      return words;
    })
    .optional()
    .transform((words) => words ?? []);
  return { description, placeholder, choices: [], schema };
}

/** Whole numbers in a range, separated by commas. Empty when absent. */
export function wholeNumbersFlag({
  description,
  min,
  max,
}: {
  description: string;
  min: number;
  max: number;
}): Flag<readonly number[]> {
  const schema = z
    .string()
    .transform((text, context): readonly number[] => {
      const words = text.split(',');
      const isWrong = words.some((word) => !/^\d+$/.test(word) || Number(word) < min || Number(word) > max);
      if (isWrong) context.addIssue(`must be whole numbers from ${min} to ${max}, separated by commas`);
      return words.map(Number);
    })
    .optional()
    .transform((numbers) => numbers ?? []);
  return { description: `${description} (${min} to ${max})`, placeholder: 'N,M', choices: [], schema };
}

/** A whole number in a range, which help shows. A default of null leaves it to the command what absence means. */
export function wholeNumberFlag<D extends number | null>({
  description,
  min,
  max,
  ...rest
}: {
  description: string;
  min: number;
  max: number;
  default: D;
}): Flag<number | D> {
  return {
    description: `${description} (${min} to ${max})`,
    placeholder: 'N',
    choices: [],
    schema: z
      .string()
      .transform((text, context) => {
        const value = Number(text);
        if (/^\d+$/.test(text) && value >= min && value <= max) return value;
        context.addIssue(`must be a whole number from ${min} to ${max}`);
        return z.NEVER;
      })
      .nullable()
      .default(rest.default) as z.ZodType<number | D>,
  };
}

/** One of several words. */
export function choiceFlag<T extends string>({
  description,
  choices,
  ...rest
}: {
  description: string;
  choices: readonly T[];
  default: T;
}): Flag<T> {
  return {
    description,
    placeholder: choices.join('|'),
    choices,
    schema: z
      .string()
      .optional()
      .transform((text, context) => (text === undefined ? rest.default : oneOf(text, choices, context))),
  };
}

/**
 * Several of some words, separated by commas, each once. A default of null leaves it to the command what absence means.
 * With `anyCase` capitals and small letters are the same.
 */
export function listFlag<T extends string, D extends readonly T[] | null>({
  description,
  choices,
  anyCase = false,
  ...rest
}: {
  description: string;
  choices: readonly T[];
  anyCase?: boolean;
  default: D;
}): Flag<readonly T[] | D> {
  return {
    description,
    placeholder: 'A,B',
    choices,
    schema: z
      .string()
      .transform((text, context): readonly T[] => {
        const words = text.split(',').map((word) => (anyCase ? inCaseOf(choices, word) : word));
        if (new Set(words).size < words.length) context.addIssue('names something twice');
        return words.map((word) => oneOf(word, choices, context));
      })
      .nullable()
      .default(rest.default) as z.ZodType<readonly T[] | D>,
  };
}

/** A word in capitals where all choices are, and in small letters elsewhere. */
function inCaseOf(choices: readonly string[], word: string): string {
  return choices.every((choice) => choice === choice.toUpperCase()) ? word.toUpperCase() : word.toLowerCase();
}

function oneOf<T extends string>(text: string, choices: readonly T[], context: z.RefinementCtx): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  context.addIssue(`knows no "${text}"${didYouMean(text, choices)}, but ${choices.join(', ')}`);
  return z.NEVER;
}
