import { rm } from 'node:fs/promises';
import { LabError } from '../error.ts';
import { resetInotify } from '../kind/inotify.ts';
import { resetSettings } from '../kind/kernel-settings.ts';
import { removeKindFiles } from '../kind/remove-files.ts';
import { cgroupsExist, removeCgroups } from './cgroup.ts';
import { type Journal, type JournaledEngine, readJournal, removeJournal } from './journal.ts';
import { kubeconfigPath, privateDirectory, supervisorSocket } from './paths.ts';
import { endProcess, isAlive } from './process-identity.ts';
import { strayProcesses } from './stray-process.ts';

/**
 * Ends everything that the lab runs on this host and removes what it made. Without a journal that can be read, it ends
 * every process that it finds to be the lab's.
 * @returns whether there was anything.
 */
export async function tearDown(): Promise<boolean> {
  const { journal, readable, processes } = await findAll();
  const engine = journal?.engine ?? null;
  const left = engine === null || (await leave(engine));
  await Promise.all(processes.map(endProcess));
  const cgroups = await cgroupsExist();
  if (cgroups) await removeCgroups();
  if (journal?.inotify) await resetInotify(journal.inotify);
  if (journal?.settings) await resetSettings(journal.settings);
  // What no journal tells of may be in any state.
  await removeKindFiles({ keepData: readable && left, data: engine?.data ?? null });
  await Promise.all(
    [kubeconfigPath, supervisorSocket, privateDirectory].map((path) => rm(path, { recursive: true, force: true })),
  );
  await removeJournal();
  return journal !== null || processes.length > 0 || cgroups;
}

/**
 * Removes what a lab left that was killed: a supervisor that died, or one whose command is gone.
 * @returns whether there was anything.
 */
export async function removeLeftovers(): Promise<boolean> {
  const journal = await readJournal();
  if (journal === null) return false;
  const abandoned = journal.owner !== null && !(await isAlive(journal.owner));
  if (!abandoned && (journal.supervisor === null || (await isAlive(journal.supervisor)))) return false;
  await tearDown();
  return true;
}

async function leave(engine: JournaledEngine): Promise<boolean> {
  // Loaded only where there is one: it starts programs.
  const { leaveEngine } = await import('../kind/leave.ts');
  return await leaveEngine(engine);
}

/** What the lab has on this host: the journal, null where none can be read, and what must be killed for all to end. */
async function findAll(): Promise<{ journal: Journal | null; readable: boolean; processes: readonly number[] }> {
  try {
    const journal = await readJournal();
    const supervisor = journal?.supervisor ?? null;
    const processes = supervisor !== null && (await isAlive(supervisor)) ? [supervisor.pid] : [];
    return { journal, readable: true, processes };
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    return { journal: null, readable: false, processes: await strayProcesses() };
  }
}
