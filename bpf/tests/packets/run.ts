import { addressOf, libbpf, resultOf } from '../../../datapath/sidecarless/libbpf/libbpf.ts';

/** What became of a frame: the program's verdict, and the frame as it left it, which the next run overwrites. */
export type Run = { verdict: number; frame: Uint8Array };

/** Fields of struct __sk_buff. `ifindex` is the link at which the program sees the frame, which must exist. */
export type RunContext = { ifindex?: number; ingressIfindex?: number };

/** What tc programs return: TC_ACT_OK leaves the frame to the node's stack. */
export const verdicts = { ok: 0, drop: 2, redirect: 7 } as const;

/** The kernel takes no more than a page, less what it puts around the frame. */
const mostBytes = 3520;

// All of it is kept: the kernel is given addresses of which the garbage collector knows nothing.
const input = new Uint8Array(mostBytes);
const output = new Uint8Array(mostBytes);
const context = new DataView(new ArrayBuffer(192));
const options = new DataView(new ArrayBuffer(80));
const contextBytes = new Uint8Array(context.buffer);
const optionBytes = new Uint8Array(options.buffer);
let prepared = false;

/** Runs a tc program on one frame, by BPF_PROG_TEST_RUN, as often as it takes for a million of them. */
export function runProgram(
  programFd: number,
  frame: Uint8Array,
  { ifindex = 0, ingressIfindex = 0 }: RunContext = {},
): Run {
  if (!prepared) prepare();
  input.set(frame);
  context.setUint32(36, ingressIfindex, true);
  context.setUint32(40, ifindex, true);
  options.setUint32(24, frame.length, true);
  options.setUint32(28, output.length, true);
  options.setUint32(48, context.byteLength, true);
  resultOf(`test run of ${frame.length} bytes`, libbpf().testRun(programFd, optionBytes));
  return { verdict: options.getUint32(56, true), frame: output.subarray(0, options.getUint32(28, true)) };
}

/** Fills in what is the same for all runs of struct bpf_test_run_opts: sizes, addresses, and one repetition. */
function prepare(): void {
  options.setBigUint64(0, BigInt(options.byteLength), true);
  options.setBigUint64(8, addressOf(input), true);
  options.setBigUint64(16, addressOf(output), true);
  options.setBigUint64(32, addressOf(contextBytes), true);
  options.setInt32(60, 1, true);
  prepared = true;
}
