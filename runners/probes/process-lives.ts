import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { LabError } from '../../clusters/error.ts';
import { startProcess } from '../../clusters/process.ts';

/**
 * One life of a program, from its exec to its exit. `variable` is the value of the environment variable that was asked for;
 * null where it has none, or was over before it could be looked at.
 */
export type ProcessLife = { pid: number; seconds: number; variable: string | null };

/** Notes the lives of all processes of a program until it is closed. */
export type ProcessLives = {
  /** Those that have ended since the last call, in the order of their ends. */
  take(): ProcessLife[];
  close(): Promise<void>;
};

/**
 * The kernel's own trace of scheduling events, in a buffer of the lab's own and mounted for this process alone. It ends
 * with its input, so also when the lab is killed.
 */
const script = `
mount -t tracefs lab /sys/kernel/tracing
cd /sys/kernel/tracing/instances
[ ! -d datapath-lab ] || rmdir datapath-lab
mkdir datapath-lab
cd datapath-lab
echo mono > trace_clock
echo "filename ~ \\"*/$1\\"" > events/sched/sched_process_exec/filter
echo "comm == \\"$1\\"" > events/sched/sched_process_exit/filter
for event in exec exit; do echo 1 > events/sched/sched_process_$event/enable; done
cat trace_pipe &
reader=$!
trap 'kill $reader; wait $reader || :; cd /; rmdir /sys/kernel/tracing/instances/datapath-lab' EXIT
echo ready
read -r end || :
`;

const startTimeoutMs = 10_000;

/**
 * Begins to note the lives of a program on this machine, in whatever container it runs.
 * @param program its file's name, of 15 characters at most, as the kernel keeps it.
 * @param variable the environment variable that tells its lives apart.
 * @throws LabError LAB_TRACE_UNAVAILABLE (exit 3) where the kernel does not trace.
 */
export async function watchProcessLives(program: string, variable: string): Promise<ProcessLives> {
  const tracer = startProcess('unshare', ['--mount', '--propagation', 'private', 'sh', '-ec', script, 'sh', program], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const began = new Map<number, { at: number; variable: string | null }>();
  let ended: ProcessLife[] = [];
  let stderr = '';
  tracer.stderr?.on('data', (text) => {
    stderr += text;
  });
  const ready = new Promise<boolean>((resolve) => {
    setTimeout(() => resolve(false), startTimeoutMs).unref();
    void tracer.ended.then(() => resolve(false));
    createInterface({ input: tracer.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      if (line === 'ready') resolve(true);
      const event = parseTraceLine(line);
      if (event === null) return;
      const { kind, pid, at } = event;
      if (kind === 'exec') began.set(pid, { at, variable: environmentOf(pid, variable) });
      const begin = began.get(pid);
      if (kind === 'exec' || begin === undefined) return;
      began.delete(pid);
      ended.push({ pid, seconds: at - begin.at, variable: begin.variable });
    });
  });
  if (!(await ready)) {
    tracer.kill('SIGKILL');
    throw new LabError('LAB_TRACE_UNAVAILABLE', {
      message: `The kernel's trace of processes cannot be read: ${stderr.trim()}`,
      remedy: 'A kernel with CONFIG_EVENT_TRACING, as those of distributions are, has it.',
      exitCode: 3,
    });
  }
  return {
    take() {
      const taken = ended;
      ended = [];
      return taken;
    },
    async close() {
      tracer.stdin?.end();
      await tracer.ended;
    },
  };
}

function environmentOf(pid: number, variable: string): string | null {
  try {
    const entries = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return entries.find((entry) => entry.startsWith(`${variable}=`))?.slice(variable.length + 1) ?? null;
  } catch {
    return null;
  }
}

/** A line of the kernel's trace (Documentation/trace/ftrace.rst); null for any other. `at` is in seconds. */
export function parseTraceLine(line: string): { kind: 'exec' | 'exit'; pid: number; at: number } | null {
  const [, at, kind, pid] = /\s(\d+\.\d+): sched_process_(exec|exit): .*?\bpid=(\d+)/.exec(line) ?? [];
  if (at === undefined || pid === undefined) return null;
  return { kind: kind === 'exec' ? 'exec' : 'exit', pid: Number(pid), at: Number(at) };
}
