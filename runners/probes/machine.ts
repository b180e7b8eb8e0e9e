import { readFileSync } from 'node:fs';

/** A reading of the whole machine's time, in seconds summed over its cores since boot but for `at`. */
export type MachineTime = {
  /** When it was read, on a monotonic clock. */
  at: number;
  cores: number;
  /** Time in which a core had nothing to run, waiting for disks included. */
  idleSeconds: number;
  /** Time in which a hypervisor ran somebody else. */
  stealSeconds: number;
};

// USER_HZ is 100 on every Linux architecture that the lab runs on (proc_stat(5)).
const ticksPerSecond = 100;

/** Reads the machine's idle time; its resolution is 10 ms. */
export function readMachineTime(): MachineTime {
  return { at: performance.now() / 1000, ...parseStat(readFileSync('/proc/stat', 'utf8')) };
}

/**
 * CPU seconds between two readings in which the machine was not idle, interrupts included: what the cores had less what
 * they idled and what was stolen. The kernel's own user and system time are no use here: without exact accounting it
 * samples them at each tick, and a load with a timetable of its own falls into step with the ticks
 * (https://docs.kernel.org/admin-guide/cpu-load.html); idle time it measures from entry to exit.
 */
export function busyBetween(begin: MachineTime, end: MachineTime): { busySeconds: number; stealSeconds: number } {
  const stealSeconds = end.stealSeconds - begin.stealSeconds;
  const offered = end.cores * (end.at - begin.at);
  return { busySeconds: Math.max(0, offered - (end.idleSeconds - begin.idleSeconds) - stealSeconds), stealSeconds };
}

/** Parses /proc/stat: a line for the sum of all cores (user nice system idle iowait irq softirq steal …), then one each. */
export function parseStat(stat: string): Omit<MachineTime, 'at'> {
  const lines = stat.split('\n');
  const fields = (lines[0] ?? '').trim().split(/\s+/).slice(1).map(Number);
  const [, , , idle = 0, iowait = 0, , , steal = 0] = fields;
  return {
    cores: lines.filter((line) => /^cpu\d/.test(line)).length,
    idleSeconds: (idle + iowait) / ticksPerSecond,
    stealSeconds: steal / ticksPerSecond,
  };
}
