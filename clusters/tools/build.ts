import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { exec } from '../exec.ts';
import type { CacheContext } from './cache.ts';
import { goProgram } from './go.ts';
import { ensurePackages } from './host-packages.ts';

/** Programs of a Go module. `output` is a file, or a folder when it ends in `/`. */
export type GoBuild = {
  name: string;
  /** Folder of the module: its go.mod and go.sum say what is built, to the byte. */
  module: string;
  packages: readonly string[];
  output: string;
  linkerFlags: readonly string[];
};

const reportIntervalSeconds = 15;

/** Builds static programs without paths of this machine in them, at low priority. */
export async function buildGo(build: GoBuild, context: CacheContext): Promise<void> {
  const flags = ['-trimpath', '-ldflags', build.linkerFlags.join(' '), '-o', build.output];
  await go(build.name, build.module, ['build', ...flags, ...build.packages], context);
}

/** Runs the program in a module's folder with arguments. */
export async function runGo(
  name: string,
  module: string,
  args: readonly string[],
  context: CacheContext,
): Promise<void> {
  await go(name, module, ['run', '-trimpath', '.', ...args], context);
}

/** Builds all BPF programs of a folder by its Makefile, into a folder of object files. */
export async function buildBpf(folder: string, output: string, context: CacheContext): Promise<void> {
  await ensurePackages(['clang', 'libbpf-dev', 'make'], context);
  context.progress('bpf: compiling');
  await exec('make', ['--silent', '-C', folder, `OUT=${output}`], { signal: context.signal });
}

/** Builds a static program from one C file. */
export async function buildC(source: string, output: string, context: CacheContext): Promise<void> {
  await ensurePackages(['gcc', 'libc6-dev'], context);
  const flags = ['-std=gnu11', '-static', '-O2', '-s', '-Wall', '-Wextra', '-Werror'];
  await exec('gcc', [...flags, '-o', output, source], { signal: context.signal });
}

async function go(name: string, module: string, args: readonly string[], context: CacheContext): Promise<void> {
  const program = await goProgram(await requiredGo(module), context);
  const began = Date.now();
  const report = (): void =>
    context.progress(`${name}: building from Go modules, ${Math.round((Date.now() - began) / 1000)} s`);
  report();
  const timer = setInterval(report, reportIntervalSeconds * 1000);
  try {
    await exec('nice', ['-n', '10', program, ...args], {
      cwd: module,
      env: goEnvironment(),
      signal: context.signal,
    });
  } finally {
    clearInterval(timer);
  }
  context.progress(`${name}: built in ${Math.round((Date.now() - began) / 1000)} s`);
}

/** What every call of Go gets: the module's own go.mod decides alone, and programs need no C library and no git. */
export function goEnvironment(): Record<string, string> {
  // HOME is where Go keeps its caches, and some services start without it.
  return {
    CGO_ENABLED: '0',
    GOFLAGS: '-mod=readonly -buildvcs=false',
    GOWORK: 'off',
    GOTOOLCHAIN: 'local',
    HOME: homedir(),
  };
}

/** The `go` line of a module: the oldest Go that builds it, such as `1.25.0`. */
export async function requiredGo(module: string): Promise<string> {
  const text = await readFile(join(module, 'go.mod'), 'utf8');
  return /^go (\S+)$/m.exec(text)?.[1] ?? '1.24.0';
}
