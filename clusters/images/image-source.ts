import type { Artefact } from '../tools/artefact.ts';

/** An image as who brings it declares it: which programs it has, and what starts. */
export type ImageSource = {
  /** Without a tag: `lab/workload`. */
  readonly name: string;
  /** Programs of the cache, each at an absolute path of the image. Folders are whole. */
  readonly files: readonly { readonly artefact: Artefact; readonly program: string; readonly path: string }[];
  /** Whether it has Node.js, as `node` on PATH. */
  readonly node?: true;
  readonly entrypoint?: readonly string[];
  /** Every node runs it, so that real nodes have it unpacked from the beginning. */
  readonly everywhere?: true;
  /** Its programs are made when somebody asks for them, not for every cluster: real nodes do not have it. */
  readonly late?: true;
};

/** Where images have their own programs; first on their PATH. */
export const imagePrograms = '/opt/lab/bin';

/** An image of one program, which it starts. */
export function programImage(artefact: Artefact, program: string): ImageSource {
  const path = `${imagePrograms}/${program}`;
  return { name: `lab/${program}`, files: [{ artefact, program, path }], entrypoint: [path] };
}
