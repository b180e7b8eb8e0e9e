import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { z } from 'zod';
import { clusterKinds } from '../cluster.ts';
import { LabError } from '../error.ts';
import { engineNames } from '../kind/engine-name.ts';
import { journalPath, runtimeDirectory } from './paths.ts';
import { ProcessIdentity } from './process-identity.ts';

/** A container engine that has something of the lab's; `data` is where the lab's own keeps it, null for the user's own. */
const JournaledEngine = z.strictObject({ name: z.enum(engineNames), data: z.string().nullable() });
export type JournaledEngine = z.infer<typeof JournaledEngine>;

/** What the lab has made on this host, or is about to make: enough to remove it all after a kill -9. */
export const Journal = z.strictObject({
  version: z.literal(4),
  kind: z.enum(clusterKinds),
  startedAt: z.iso.datetime(),
  /** The command without which the cluster makes no sense; null once `lab up` has finished, for what then stays up. */
  owner: ProcessIdentity.nullable(),
  /** The process whose end ends everything in the lab's namespaces; null until it has been started. */
  supervisor: ProcessIdentity.nullable(),
  /** The engine that runs the nodes; null where none does. */
  engine: JournaledEngine.nullable(),
  /** fs.inotify.max_user_instances; null until the lab has changed it. See `kind/inotify.ts`. */
  inotify: z.strictObject({ before: z.int(), raised: z.int() }).nullable(),
  /** What nodes of kind's are about to change of the kernel's settings; null until they start. See `kind/kernel-settings.ts`. */
  settings: z.record(z.string(), z.string()).nullable(),
  pools: z.array(z.strictObject({ name: z.string(), dataPlane: z.string() })),
});
export type Journal = z.infer<typeof Journal>;

/**
 * The journal, or null where the lab has nothing on this host.
 * @throws LabError LAB_JOURNAL_UNREADABLE when there is one of another version, or a damaged one.
 */
export async function readJournal(): Promise<Journal | null> {
  const text = await readFile(journalPath, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'EACCES') return null;
    throw error;
  });
  if (text === null) return null;
  try {
    return Journal.parse(JSON.parse(text));
  } catch (cause) {
    throw new LabError('LAB_JOURNAL_UNREADABLE', {
      message: `${journalPath} is not a journal of this version of the lab`,
      remedy: '`lab down` does without it: it ends every process of the lab that it finds, and removes what they held.',
      cause,
    });
  }
}

/** Written before what it names is made: to a temporary name, synced, renamed. */
export async function writeJournal(journal: Journal): Promise<void> {
  await mkdir(runtimeDirectory, { recursive: true, mode: 0o700 });
  const temporary = `${journalPath}.${process.pid}`;
  const file = await open(temporary, 'w', 0o600);
  await file.writeFile(JSON.stringify(journal));
  await file.sync();
  await file.close();
  await rename(temporary, journalPath);
}

export async function removeJournal(): Promise<void> {
  await rm(journalPath, { force: true });
}
