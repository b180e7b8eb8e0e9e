import type { V1LifecycleHandler } from '@kubernetes/client-node';
import { longDelay } from '../long-delay.ts';
import { type ProbeTarget, probeOnce, runInside } from './container-probe.ts';

/** No hook may run longer than the grace period, which is bounded elsewhere. */
const hookTimeoutSeconds = 3600;

/** Runs a lifecycle hook. Resolves with null when it has done its work, else with why not, in kubelet's words. */
export async function runHook(target: ProbeTarget, hook: V1LifecycleHandler): Promise<string | null> {
  if (hook.sleep !== undefined) {
    const over = new AbortController();
    await Promise.race([longDelay(hook.sleep.seconds * 1000, over.signal), target.container.ended]);
    over.abort();
    return null;
  }
  if (hook.exec === undefined) {
    const { success, message } = await probeOnce(target, { ...hook, timeoutSeconds: hookTimeoutSeconds });
    return success ? null : `HTTP lifecycle hook (${hook.httpGet?.path}) ${failedIn(target)} ${message}`;
  }
  const command = hook.exec.command ?? [];
  const { exitCode, stdout, stderr } = await runInside(target, command, hookTimeoutSeconds);
  if (exitCode === 0) return null;
  const error = `command '${command.join(' ')}' exited with ${exitCode}: ${stderr}`;
  return `Exec lifecycle hook ([${command.join(' ')}]) ${failedIn(target)} ${error}, message: ${JSON.stringify(stdout + stderr)}`;
}

function failedIn({ spec, pod }: ProbeTarget): string {
  return `for Container "${spec.name}" in Pod "${pod}" failed - error:`;
}
