import { type Figure, figure, missing, sumOf } from '../../results/figure.ts';
import type { Role } from '../../results/vocabulary.ts';
import { findLabCgroups, type LabCgroups, nodesElsewhere, readLabSeconds } from '../probes/lab-cpu.ts';
import { busyBetween, type MachineTime, readMachineTime, readPressureSeconds } from '../probes/machine.ts';
import { foreignSeconds, type MachineWatch, type Watched, watchMachine } from '../probes/machine-watch.ts';
import { type ContainerCgroup, type RoleUsage, readRoleUsage } from '../probes/pod-cgroups.ts';

/** What a machine did between the two ends of a window. CPU time in seconds. */
export type WindowReading = {
  beganAt: Date;
  seconds: number;
  cpu: {
    busySeconds: number;
    stealSeconds: number;
    roles: Partial<Record<Role, Figure>>;
    /** How much of a role's was spent in the kernel, as the kernel samples it. */
    kernelSeconds: Partial<Record<Role, Figure>>;
    lab: Figure;
    foreign: Figure;
  };
  disturbance: { pressureSeconds: Figure; standstillSeconds: Figure };
  memoryBytes: Partial<Record<Role, Figure>>;
};

/** One end of a window. */
export type Sample = {
  at: Date;
  machine: MachineTime;
  roles: RoleUsage;
  lab: Figure;
  pressureSeconds: Figure;
  watched: Promise<Watched>;
};

/** Reads what the machine and the lab's cgroups have done until now, at both ends of windows. */
export class MachineReader {
  readonly #watch: MachineWatch;
  readonly #cgroups: LabCgroups | null;

  private constructor(watch: MachineWatch, cgroups: LabCgroups | null) {
    this.#watch = watch;
    this.#cgroups = cgroups;
  }

  /** Begins to watch a machine on which a cluster is up. */
  static async start(): Promise<MachineReader> {
    return new MachineReader(await watchMachine(), findLabCgroups());
  }

  /** Reads at once, but for what the watch answers: that is asked now and answered later. */
  sample(containers: readonly ContainerCgroup[]): Sample {
    const watched = this.#watch.read();
    // It is waited for only when the window is over.
    watched.catch(() => undefined);
    return {
      at: new Date(),
      machine: readMachineTime(),
      roles: readRoleUsage(containers),
      lab: readLabSeconds(this.#cgroups),
      pressureSeconds: readPressureSeconds(),
      watched,
    };
  }

  async between(begin: Sample, end: Sample): Promise<WindowReading> {
    const [then, now] = await Promise.all([begin.watched, end.watched]);
    const roles = rolesBetween(begin.roles, end.roles);
    const known = this.#cgroups !== null;
    return {
      beganAt: begin.at,
      seconds: end.machine.at - begin.machine.at,
      cpu: {
        ...busyBetween(begin.machine, end.machine),
        ...roles.cpu,
        lab: sumOf([grown(begin.lab, end.lab), figure(now.ownSeconds - then.ownSeconds)]),
        foreign: known ? figure(foreignSeconds(then.processes, now.processes)) : missing(nodesElsewhere),
      },
      disturbance: {
        pressureSeconds: grown(begin.pressureSeconds, end.pressureSeconds),
        standstillSeconds: now.standstillSeconds,
      },
      memoryBytes: roles.memoryBytes,
    };
  }

  close(): Promise<void> {
    return this.#watch.close();
  }
}

function rolesBetween(begin: RoleUsage, end: RoleUsage) {
  const none = { cpuSeconds: figure(0), userSeconds: figure(0), kernelSeconds: figure(0) };
  const cpu: Pick<WindowReading['cpu'], 'roles' | 'kernelSeconds'> = { roles: {}, kernelSeconds: {} };
  const memoryBytes: WindowReading['memoryBytes'] = {};
  for (const [role, usage] of Object.entries(end) as [Role, RoleUsage[Role] & object][]) {
    const before = begin[role] ?? none;
    const used = grown(before.cpuSeconds, usage.cpuSeconds);
    cpu.roles[role] = used;
    cpu.kernelSeconds[role] = kernelShare(used, {
      user: grown(before.userSeconds, usage.userSeconds),
      kernel: grown(before.kernelSeconds, usage.kernelSeconds),
    });
    memoryBytes[role] = usage.memoryBytes;
  }
  return { cpu, memoryBytes };
}

/** The kernel's samples say how the time divides, not how much it was. */
function kernelShare(used: Figure, { user, kernel }: { user: Figure; kernel: Figure }): Figure {
  const sampled = sumOf([user, kernel]);
  if (used.value === null || sampled.value === null || kernel.value === null) return sumOf([used, sampled, kernel]);
  return figure(sampled.value === 0 ? 0 : (used.value * kernel.value) / sampled.value);
}

function grown(begin: Figure, end: Figure): Figure {
  return sumOf([end, begin.value === null ? begin : figure(-begin.value)]);
}
