import { join } from 'node:path';
import { LabError } from '../../clusters/error.ts';
import { exec, tryExec } from '../../clusters/exec.ts';
import { requiredGo } from '../../clusters/tools/build.ts';
import { goProgram } from '../../clusters/tools/go.ts';
import {
  ensurePackages,
  type HostPackage,
  installCommand,
  missingPackages,
} from '../../clusters/tools/host-packages.ts';
import { goModules } from './go.ts';
import { sourceFiles } from './source-files.ts';
import { skippedTier, sum, type Tier, type TierContext, type TierResult } from './tier.ts';

const repository = join(import.meta.dirname, '../..');

/** A program that looks at source files without running them. */
type Inspection = {
  name: string;
  /** The Debian package that brings the program; null where the lab itself does. */
  hostPackage: HostPackage | null;
  /** The command line, to be run in the folder that is looked at. */
  command(folder: string, context: TierContext): Promise<readonly [string, ...string[]]>;
  env?: Record<string, string>;
  /** It says what it has found, but ends with exit code 0. */
  failsByOutput?: true;
};

/** Format, lint and types of what is written here, each language by its own programs. */
export const staticTier: Tier = async (context) => {
  if (context.files !== null) return skippedTier('only files were asked for');
  const results: TierResult[] = [];
  for (const inspection of [...typescript, ...otherLanguages]) {
    results.push(await inspect(inspection, repository, context));
  }
  return sum(results);
};

const typescript: readonly Inspection[] = [
  {
    name: 'biome',
    hostPackage: null,
    command: async () => [process.execPath, 'node_modules/@biomejs/biome/bin/biome', 'ci', '.'],
  },
  { name: 'tsc', hostPackage: null, command: async () => [process.execPath, 'node_modules/typescript/bin/tsc'] },
];

/** Those that need no dependencies of the folder that they look at. */
export const otherLanguages: readonly Inspection[] = [
  {
    name: 'clang-format',
    hostPackage: 'clang-format',
    command: async (folder) => ['clang-format', '--dry-run', '-Werror', ...sourceFiles(folder).c],
  },
  {
    name: 'gofmt',
    hostPackage: null,
    command: async (folder, context) => [await gofmt(context), '-l', ...sourceFiles(folder).go],
    failsByOutput: true,
  },
  {
    name: 'shellcheck',
    hostPackage: 'shellcheck',
    command: async (folder) => ['shellcheck', ...sourceFiles(folder).shell],
  },
  { name: 'shfmt', hostPackage: 'shfmt', command: async (folder) => ['shfmt', '-d', ...sourceFiles(folder).shell] },
  {
    name: 'pyflakes',
    hostPackage: 'pyflakes3',
    command: async (folder) => ['pyflakes3', ...sourceFiles(folder).python],
    // What the compiler warns about, such as an escape that there is not, counts too.
    env: { PYTHONWARNINGS: 'error' },
  },
];

/** Looks at a folder's files by one of the programs. One that is missing is a reason to skip, unless nothing may be. */
export async function inspect(inspection: Inspection, folder: string, context: TierContext): Promise<TierResult> {
  const { name, hostPackage, env = {}, failsByOutput = false } = inspection;
  const { stdout, signal, requireAll } = context;
  const needed = hostPackage === null ? [] : [hostPackage];
  if (requireAll) await ensurePackages(needed, context);
  const missing = await missingPackages(needed, signal);
  if (missing.length > 0) return skippedTier(`${name} is not installed (${installCommand(missing)})`);
  let command: readonly [string, ...string[]];
  try {
    command = await inspection.command(folder, context);
  } catch (error) {
    if (requireAll || !(error instanceof LabError) || error.exitCode !== 3) throw error;
    return skippedTier(`${name}: ${error.message}`);
  }
  const [file, ...args] = command;
  const began = performance.now();
  const result = await tryExec(file, args, { cwd: folder, env, signal });
  const seconds = (performance.now() - began) / 1000;
  const passed = result.exitCode === 0 && !(failsByOutput && result.stdout !== '');
  stdout.write(passed ? `✔ ${name}\n` : `✖ ${name}\n${result.stdout}${result.stderr}\n`);
  return {
    passed: passed ? 1 : 0,
    failed: passed ? 0 : 1,
    skipped: 0,
    skipReasons: [],
    durations: [{ file: 'static', name, seconds }],
  };
}

/** gofmt of the Go that builds the lab's programs. It need not be on PATH: it comes in the folder that Go calls its root. */
async function gofmt(context: TierContext): Promise<string> {
  const required = await Promise.all(goModules.map((module) => requiredGo(join(repository, module))));
  const newest = required.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1) ?? '';
  const go = await goProgram(newest, context);
  const { stdout } = await exec(go, ['env', 'GOROOT'], { signal: context.signal, env: { GOTOOLCHAIN: 'local' } });
  return join(stdout.trim(), 'bin/gofmt');
}
