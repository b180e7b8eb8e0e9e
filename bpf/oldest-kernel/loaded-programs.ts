import koffi from 'koffi/indirect';
import { type Handle, handleOf, libbpf, resultOf } from '../../datapath/sidecarless/libbpf/libbpf.ts';
import { verifiedInstructionsOf } from '../../datapath/sidecarless/libbpf/program-information.ts';

/** A program that the kernel has accepted, and how many instructions its verifier went through for that. */
export type LoadedProgram = { name: string; verifiedInstructions: number };

/**
 * Loads an object file, lists its programs and unloads them. Maps that are to be pinned are pinned in /sys/fs/bpf.
 * @throws LabError LAB_BPF_FAILED; the verifier's words are on standard error then.
 */
export function loadedPrograms(path: string): LoadedProgram[] {
  const bpf = libbpf();
  const { nextProgram, programName } = listing();
  const object = handleOf(`open ${path}`, bpf.openFile(path, null));
  try {
    resultOf(`load ${path}`, bpf.load(object));
    const programs: LoadedProgram[] = [];
    for (let program = nextProgram(object, null); program !== null; program = nextProgram(object, program)) {
      const verifiedInstructions = verifiedInstructionsOf(bpf.programFd(program));
      programs.push({ name: programName(program), verifiedInstructions });
    }
    return programs;
  } finally {
    bpf.close(object);
  }
}

type Listing = {
  nextProgram(object: Handle, program: Handle): Handle;
  programName(program: Handle): string;
};

let declared: Listing | null = null;

function listing(): Listing {
  if (declared === null) {
    const library = koffi.load('libbpf.so.1');
    const of = (declaration: string) => library.func(declaration) as never;
    declared = {
      nextProgram: of('void *bpf_object__next_program(const void *obj, void *prog)'),
      programName: of('const char *bpf_program__name(const void *prog)'),
    };
  }
  return declared;
}
