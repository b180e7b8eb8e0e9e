import { addressOf, check, libbpf } from './libbpf.ts';

/** What became of a packet: the program's verdict, the packet as it left it, and the mean time of a run. */
export type TestRun = { verdict: number; packet: Uint8Array; durationNs: number };

/** The first fields of struct __sk_buff that a test may set. */
export type SkbContext = { ifindex?: number; mark?: number };

const skbSize = 192;
const skbIfindex = 40;
const skbMark = 8;

/** Runs a tc program on a frame, by BPF_PROG_TEST_RUN. */
export function testRun(
  programFd: number,
  frame: Uint8Array,
  { ifindex = 0, mark = 0 }: SkbContext = {},
  repeat = 1,
): TestRun {
  const packet = new Uint8Array(frame.length + 256);
  const context = new Uint8Array(skbSize);
  const skb = new DataView(context.buffer);
  skb.setUint32(skbMark, mark, true);
  skb.setUint32(skbIfindex, ifindex, true);
  // struct bpf_test_run_opts
  const options = new DataView(new ArrayBuffer(80));
  options.setBigUint64(0, 80n, true);
  options.setBigUint64(8, addressOf(frame), true);
  options.setBigUint64(16, addressOf(packet), true);
  options.setUint32(24, frame.length, true);
  options.setUint32(28, packet.length, true);
  options.setBigUint64(32, addressOf(context), true);
  options.setUint32(48, context.length, true);
  options.setInt32(60, repeat, true);
  const bytes = new Uint8Array(options.buffer);
  check('test run', libbpf().testRun(programFd, bytes));
  return {
    verdict: options.getInt32(56, true),
    packet: packet.subarray(0, options.getUint32(28, true)),
    durationNs: options.getUint32(64, true),
  };
}
