import { libbpf, resultOf } from './libbpf.ts';

/** How often a program, by its descriptor, has run while runs were counted. @throws LabError LAB_BPF_FAILED */
export function runsOf(programFd: number): number {
  return Number(informationOf(programFd).getBigUint64(200, true));
}

/** The kernel's number of a loaded program. @throws LabError LAB_BPF_FAILED */
export function programId(programFd: number): number {
  return informationOf(programFd).getUint32(4, true);
}

/** How many instructions the verifier went through before it accepted a program. @throws LabError LAB_BPF_FAILED */
export function verifiedInstructionsOf(programFd: number): number {
  return informationOf(programFd).getUint32(216, true);
}

const runTime = 0;

/**
 * Has the kernel count the runs of all BPF programs, for as long as this process lives (`BPF_ENABLE_STATS`, Linux 5.8): a
 * run takes two looks at the clock longer then, some 100 ns on a virtual machine (`bpftool prog run` of a program that
 * does nothing: 40 ns without, 140 ns with).
 * @throws LabError LAB_BPF_FAILED
 */
export function countRuns(): void {
  // The descriptor stays open: it is what has them counted.
  resultOf('count runs of programs', libbpf().enableStatistics(runTime));
}

/** Size of `struct bpf_prog_info` since Linux 5.16. */
const informationSize = 232;

function informationOf(programFd: number): DataView {
  const information = new Uint8Array(informationSize);
  resultOf(
    'information on a program',
    libbpf().information(programFd, information, new Uint32Array([informationSize])),
  );
  return new DataView(information.buffer);
}
