import { z } from 'zod';
import { migrate } from './migrations.ts';
import { ResultError } from './result-error.ts';
import { Run, schemaVersion } from './run.ts';

/**
 * The run that a text holds, checked; one that an earlier lab has recorded is brought to the form of today. Needs nothing
 * but the text, so that it works wherever that was fetched.
 * @param name of where the text is from, for errors.
 * @throws ResultError LAB_RUN_CORRUPT, or LAB_RUN_SCHEMA_UNKNOWN for a later version's.
 */
export function parseRun(text: string, name: string): Run {
  const value = parseJson(name, text);
  const version = z.looseObject({ schemaVersion: z.int() }).safeParse(value);
  const run = Run.safeParse(version.success ? migrated(name, value, version.data.schemaVersion) : value);
  if (!run.success) throw corruptRun(name, run.error);
  return run.data;
}

/** What does not fit the schema. `serialised` is the text of a run that was about to be stored. */
export function corruptRun(subject: string, error: z.ZodError, serialised?: string): ResultError {
  const shown = error.issues.slice(0, 3).map(({ path, message }) => `${z.core.toDotPath(path) || 'it'}: ${message}`);
  const more = error.issues.length > shown.length ? `; and ${error.issues.length - shown.length} more` : '';
  return new ResultError('LAB_RUN_CORRUPT', {
    message: `${subject} is not a run of schema version ${schemaVersion}: ${shown.join('; ')}${more}`,
    remedy:
      serialised === undefined
        ? 'Take it out of the folder, or restore it: it was edited, or never written by the lab.'
        : 'This is a defect of the lab: keep the text of the run and report it.',
    exitCode: serialised === undefined ? 2 : 5,
    cause: error,
    ...(serialised === undefined ? {} : { serialised }),
  });
}

function migrated(path: string, value: unknown, version: number): unknown {
  let migrated: unknown;
  try {
    migrated = migrate(value);
  } catch (error) {
    throw error instanceof z.ZodError ? corruptRun(path, error) : error;
  }
  if (migrated !== null) return migrated;
  throw new ResultError('LAB_RUN_SCHEMA_UNKNOWN', {
    message: `${path} has schema version ${version}; this lab reads versions 1 to ${schemaVersion}`,
    remedy: 'Read it with the version of the lab that wrote it.',
    exitCode: 2,
  });
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ResultError('LAB_RUN_CORRUPT', {
      message: `${path} is not a run: it is not JSON (${(error as Error).message})`,
      remedy: 'Take it out of the folder, or restore it: it was cut short, edited, or never written by the lab.',
      exitCode: 2,
      cause: error,
    });
  }
}
