import { createInterface } from 'node:readline';
import { z } from 'zod';
import { cgroupRoot } from '../../clusters/life/paths.ts';
import { startProcess } from '../../clusters/process.ts';
import type { Artefact } from '../../clusters/tools/artefact.ts';
import { programPath } from '../../clusters/tools/programs.ts';
import { type Figure, figure, missing } from '../../results/figure.ts';

/** The program that watches the machine for as long as a run lasts; its source says what it answers. */
export const watchProgram: Artefact = {
  name: 'watch',
  version: 'repository',
  programs: { 'lab-watch': 'lab-watch' },
  recipe: { kind: 'c', source: 'runners/probes/lab-watch.c' },
};

/** What processes have used that are neither the lab's nor the kernel's; each with what it has waited for. Seconds of CPU. */
export type ForeignProcess = { pid: number; start: number; own: number; children: number };

/** What the machine has done until a reading. */
export type Watched = {
  /** The longest time, since the reading before, for which a processor ran nothing of ours. */
  standstillSeconds: Figure;
  /** CPU time of the watch itself. */
  ownSeconds: number;
  processes: readonly ForeignProcess[];
};

export type MachineWatch = {
  /** What it has seen until now; resolves a little later, so that nobody waits while a window begins. */
  read(): Promise<Watched>;
  close(): Promise<void>;
};

const Answer = z.object({
  standstillSeconds: z.number().nullable(),
  ownSeconds: z.number(),
  processes: z.array(z.tuple([z.number(), z.number(), z.number(), z.number()])),
});

/** Begins to watch the machine. Readings are answered in their order. */
export async function watchMachine(program = programPath(watchProgram, 'lab-watch')): Promise<MachineWatch> {
  const watch = startProcess(program, [cgroupRoot], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: watch.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the watch of the machine ended: ${JSON.stringify(await watch.ended)}`);
    return value;
  };
  const refused = await next();
  return {
    async read() {
      watch.stdin?.write('\n');
      const { standstillSeconds, ownSeconds, processes } = Answer.parse(JSON.parse(await next()));
      return {
        standstillSeconds:
          standstillSeconds === null
            ? missing(`processors cannot be watched at a real-time priority: ${refused}`)
            : figure(standstillSeconds),
        ownSeconds,
        processes: processes.map(([pid, start, own, children]) => ({ pid, start, own, children })),
      };
    },
    async close() {
      watch.stdin?.end();
      await watch.ended;
    },
  };
}

/**
 * CPU seconds that such processes have used between two readings. What a process used that has ended meanwhile, before the
 * first one too, is among what its parent has waited for; where nobody waited it is lost.
 */
export function foreignSeconds(begin: readonly ForeignProcess[], end: readonly ForeignProcess[]): number {
  const identity = ({ pid, start }: ForeignProcess): string => `${pid} ${start}`;
  const before = new Map(begin.map((process) => [identity(process), process]));
  let own = 0;
  let children = 0;
  for (const process of end) {
    const then = before.get(identity(process));
    before.delete(identity(process));
    own += process.own - (then?.own ?? 0);
    children += process.children - (then?.children ?? 0);
  }
  const ended = [...before.values()].reduce((sum, process) => sum + process.own + process.children, 0);
  return own + Math.max(0, children - ended);
}
