import { setTimeout as delay } from 'node:timers/promises';
import type { V1Container, V1LifecycleHandler, V1Probe } from '@kubernetes/client-node';
import { tryExec } from '../../exec.ts';
import { type Container, execInContainer } from './container.ts';
import { httpCheck, type ProbeResult, tcpCheck } from './probe-check.ts';
import type { RuntimeNode } from './runtime-node.ts';

/** The running container that is looked at. */
export type CheckTarget = { node: RuntimeNode; container: Container; spec: V1Container; podIp: string };

/** No hook may run longer than the grace period, which is bounded elsewhere. */
const hookTimeoutSeconds = 3600;

/** Looks at a container once, as its probe says. Never rejects: what cannot be asked is unhealthy. */
export async function checkContainer(target: CheckTarget, probe: V1Probe): Promise<ProbeResult> {
  const timeoutSeconds = probe.timeoutSeconds ?? 1;
  const network = { podIp: target.podIp, container: target.spec, timeoutSeconds };
  try {
    if (probe.httpGet !== undefined) return await httpCheck(probe.httpGet, network);
    if (probe.tcpSocket !== undefined) return await tcpCheck(probe.tcpSocket, network);
    if (probe.exec !== undefined) return await execCheck(target, probe.exec.command ?? [], timeoutSeconds);
  } catch (error) {
    // A request that cannot even be made: a header or path that HTTP does not allow.
    return { success: false, message: error instanceof Error ? error.message : String(error) };
  }
  return { success: false, message: 'gRPC probes are not supported by the embedded cluster' };
}

/** Runs a lifecycle hook. Resolves with null when it has done its work, else with why not. */
export async function runHook(target: CheckTarget, hook: V1LifecycleHandler): Promise<string | null> {
  if (hook.sleep !== undefined) {
    const over = new AbortController();
    const slept = delay(hook.sleep.seconds * 1000, undefined, { signal: over.signal }).catch(() => undefined);
    await Promise.race([slept, target.container.ended]);
    over.abort();
    return null;
  }
  const result = await checkContainer(target, { ...hook, timeoutSeconds: hookTimeoutSeconds });
  return result.success ? null : result.message;
}

async function execCheck(
  { node, container }: CheckTarget,
  command: readonly string[],
  timeoutSeconds: number,
): Promise<ProbeResult> {
  const [file, args] = execInContainer(node, container.id, command, { tty: false });
  const beganMs = performance.now();
  const { exitCode, stdout, stderr } = await tryExec(file, args, { timeoutMs: timeoutSeconds * 1000 });
  if (exitCode === 0) return { success: true, message: '' };
  if (performance.now() - beganMs >= timeoutSeconds * 1000) {
    return { success: false, message: `command timed out: "${command.join(' ')}" timed out after ${timeoutSeconds}s` };
  }
  return { success: false, message: `${stdout}${stderr}` };
}
