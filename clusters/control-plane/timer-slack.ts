import { readdir, writeFile } from 'node:fs/promises';

/**
 * How late timers may be, in nanoseconds. The control plane has hundreds of queues, each with a timer of its own that
 * finds nothing to do: together they wake its processes a few hundred times a second, which is most of what an idle
 * cluster costs.
 */
const slackNanoseconds = 20_000_000;

/**
 * Lets timers of idle processes fire together (timerslack in proc(5)): their later threads inherit it. It only saves CPU
 * time, so a thread that has ended meanwhile, or a host that does not allow it, is no reason not to start.
 */
export async function relaxTimers(pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    for (const thread of await readdir(`/proc/${pid}/task`).catch(() => [])) {
      // Only the process's own folder lists the file, but every thread has one.
      await writeFile(`/proc/${thread}/timerslack_ns`, `${slackNanoseconds}`).catch(() => undefined);
    }
  }
}
