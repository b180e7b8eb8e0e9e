import koffi from 'koffi/indirect';
import { check, checkHandle, type Handle, libbpf } from '../../../datapath/sidecarless/bpf/libbpf.ts';

/** A program that the kernel has accepted, and how many instructions its verifier went through for that. */
export type LoadedProgram = { name: string; verifiedInstructions: number };

/** Size of `struct bpf_prog_info`, and where `verified_insns` is in it (Linux 5.16 and later). */
const infoSize = 232;
const verifiedInstructionsAt = 216;

/**
 * Loads an object file, lists its programs and unloads them. Maps that are to be pinned are pinned in /sys/fs/bpf.
 * @throws LabError LAB_BPF_FAILED; the verifier's words are on standard error then.
 */
export function loadedPrograms(path: string): LoadedProgram[] {
  const bpf = libbpf();
  const { nextProgram, programName } = listing();
  const object = checkHandle(`open ${path}`, bpf.openFile(path, null));
  try {
    check(`load ${path}`, bpf.load(object));
    const programs: LoadedProgram[] = [];
    for (let program = nextProgram(object, null); program !== null; program = nextProgram(object, program)) {
      const name = programName(program);
      programs.push({ name, verifiedInstructions: verifiedInstructions(name, bpf.programFd(program)) });
    }
    return programs;
  } finally {
    bpf.close(object);
  }
}

function verifiedInstructions(name: string, fd: number): number {
  const info = new Uint8Array(infoSize);
  check(`info of ${name}`, listing().info(fd, info, new Uint32Array([infoSize])));
  return new DataView(info.buffer).getUint32(verifiedInstructionsAt, true);
}

type Listing = {
  nextProgram(object: Handle, program: Handle): Handle;
  programName(program: Handle): string;
  info(fd: number, info: Uint8Array, size: Uint32Array): number;
};

let declared: Listing | null = null;

function listing(): Listing {
  if (declared === null) {
    const library = koffi.load('libbpf.so.1');
    const of = (declaration: string) => library.func(declaration) as never;
    declared = {
      nextProgram: of('void *bpf_object__next_program(const void *obj, void *prog)'),
      programName: of('const char *bpf_program__name(const void *prog)'),
      info: of('int bpf_obj_get_info_by_fd(int fd, void *info, void *size)'),
    };
  }
  return declared;
}
