import { packetTests, socketTests, testOnOldestKernel } from '../../bpf/oldest-kernel/kernel-tests.ts';
import { figuresHere, figuresOnOldestKernel } from '../../bpf/oldest-kernel/verifier-figures.ts';
import { departures, readVerifierRecord, writeVerifierRecord } from '../../bpf/oldest-kernel/verifier-record.ts';
import { verifierTable } from '../../bpf/oldest-kernel/verifier-table.ts';
import type { Check, CheckInput } from './check.ts';

/** That the BPF programs work on the oldest kernel that is supported, and the work that verifiers have with them. */
export const oldestKernel: Check = {
  summary: 'every BPF program passes the verifier, the packet tests and the socket tests on Debian 12’s kernel',
  async run(input) {
    const isVerified = await verify(input);
    let failures = 0;
    for (let round = 1; round <= (input.count ?? 1); round++) {
      // What a test of sockets does to its namespaces ends with the machine.
      for (const files of [packetTests, ...socketTests.map((file) => [file])]) failures += await test(files, input);
    }
    return isVerified && failures === 0;
  },
};

async function verify({ renew, stdout, ...context }: CheckInput): Promise<boolean> {
  const running = await figuresHere(context);
  const figures = { oldest: await figuresOnOldestKernel(context), running };
  stdout.write(`${verifierTable(figures)}\n`);
  if (renew) {
    await writeVerifierRecord(figures);
    return true;
  }
  const recorded = await readVerifierRecord();
  const wrong = [...departures(recorded.oldest, figures.oldest), ...departures(recorded.running, figures.running)];
  for (const line of wrong) stdout.write(`${line}\n`);
  return wrong.length === 0;
}

/** How many machines' tests failed: none or one. */
async function test(files: readonly string[], { stdout, ...context }: CheckInput): Promise<number> {
  const began = performance.now();
  const result = await testOnOldestKernel(files, context);
  const passed = /^ℹ pass (\d+)$/m.exec(result.stdout)?.[1] ?? 0;
  const seconds = (performance.now() - began) / 1000;
  const isDone = result.exitCode === 0 && Number(passed) > 0;
  stdout.write(`${isDone ? '✔' : '✖'} ${files.join(' ')}: ${passed} passed in ${seconds.toFixed(0)} s\n`);
  if (!isDone) stdout.write(`${result.stdout}${result.stderr}`);
  return isDone ? 0 : 1;
}
