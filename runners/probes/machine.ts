import { readFileSync } from 'node:fs';

/** The whole machine's time since boot, in seconds summed over its cores. */
export type MachineCpu = {
  /** User, nice, system, interrupt and softirq time. */
  busySeconds: number;
  /** Time in which a hypervisor ran somebody else. */
  stealSeconds: number;
};

// USER_HZ is 100 on every Linux architecture that the lab runs on (proc_stat(5)).
const ticksPerSecond = 100;

/** Reads the machine's CPU time; its resolution is 10 ms for each core. */
export function readMachineCpu(): MachineCpu {
  return parseStat(readFileSync('/proc/stat', 'utf8'));
}

/** Parses the first line of /proc/stat: user nice system idle iowait irq softirq steal … (guest time is in user). */
export function parseStat(stat: string): MachineCpu {
  const fields = (stat.split('\n')[0] ?? '').trim().split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
  return {
    busySeconds: (user + nice + system + irq + softirq) / ticksPerSecond,
    stealSeconds: steal / ticksPerSecond,
  };
}
