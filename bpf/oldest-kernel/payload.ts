import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { commandLine, exec } from '../../clusters/exec.ts';
import { type CacheContext, cacheName, cacheRoot } from '../../clusters/tools/cache.ts';
import { ensurePrograms, programPath } from '../../clusters/tools/programs.ts';
import { bpfObjects } from '../../datapath/sidecarless/programs.ts';
import { importedPackages } from './imported-packages.ts';

const repository = join(import.meta.dirname, '../..');

/** What of the repository BPF programs and their tests are made of. */
const sources = ['bpf', 'clusters', 'datapath', 'runners/tiers/shard.ts'];

/** Where the machine's init unpacks the repository. */
export const repositoryInside = '/repository';

/** Files and folders of the host, by their paths below the repository's folder in the machine. */
export type ExtraFiles = Readonly<Record<string, string>>;

/**
 * Writes what the machine's init needs to a descriptor, as a tar: `command`, a shell script; sources of the repository;
 * the packages that TypeScript files among the command's words import; `cache`, a cache with the BPF programs; and the
 * extra files.
 */
export async function writePayload(
  [file, ...args]: readonly [string, ...string[]],
  extraFiles: ExtraFiles,
  output: number,
  context: CacheContext,
): Promise<void> {
  await ensurePrograms([bpfObjects], context);
  const programs = cacheName(dirname(programPath(bpfObjects, 'sidecarless-bpf')));
  const entries = args.filter((word) => word.endsWith('.ts'));
  const packages = await importedPackages(repository, entries, context.signal);
  const directory = await mkdtemp(join(tmpdir(), 'lab-command-'));
  try {
    await writeFile(join(directory, 'command'), `exec ${commandLine(file, args)}\n`);
    const moved = { [`cache/lab/${programs}`]: join(cacheRoot(), programs), ...extraFiles };
    await exec(
      'tar',
      [
        ...['-cf', `/proc/${process.pid}/fd/${output}`, '--absolute-names', '--exclude=bpf/build'],
        // Targets of symbolic links stay as they are.
        ...Object.entries(moved).map(([inside, outside]) => `--transform=s,^${quoted(outside)},${inside},S`),
        ...Object.values(moved),
        ...['-C', directory, 'command', '-C', repository, 'package.json', 'package-lock.json', ...sources, ...packages],
      ],
      { signal: context.signal },
    );
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Of a path, as it is in a regular expression of tar's. */
function quoted(path: string): string {
  return path.replaceAll(/[.*[\]^$\\,]/g, '\\$&');
}
