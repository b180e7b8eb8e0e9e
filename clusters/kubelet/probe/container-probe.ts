import type { V1Container, V1LifecycleHandler, V1Probe } from '@kubernetes/client-node';
import { tryExec } from '../../exec.ts';
import { type Container, execInContainer } from '../container/container.ts';
import { longDelay, longestTimerMs } from '../long-delay.ts';
import type { RuntimeNode } from '../node/runtime-node.ts';
import { grpcProbe } from './grpc.ts';
import { httpProbe, type ProbeResult, tcpProbe } from './probe-request.ts';

/** The running container that is looked at. `pod`: its pod as kubelet names it, `name_namespace(uid)`. */
export type ProbeTarget = { node: RuntimeNode; container: Container; spec: V1Container; pod: string; podIp: string };

/** No hook may run longer than the grace period, which is bounded elsewhere. */
const hookTimeoutSeconds = 3600;

/** How runc ends when it cannot start a program in a container. */
const execFailed = 255;

/** Looks at a container once, as its probe says. Never rejects: what cannot be asked has errored. */
export async function probeOnce(target: ProbeTarget, probe: V1Probe): Promise<ProbeResult> {
  const timeoutSeconds = probe.timeoutSeconds ?? 1;
  const network = { podIp: target.podIp, container: target.spec, timeoutSeconds };
  try {
    if (probe.httpGet !== undefined) return await httpProbe(probe.httpGet, network);
    if (probe.tcpSocket !== undefined) return await tcpProbe(probe.tcpSocket, network);
    if (probe.grpc !== undefined) return await grpcProbe(probe.grpc, network);
    return await execProbe(target, probe.exec?.command ?? [], timeoutSeconds);
  } catch (error) {
    // A port that is none, a header or path that HTTP does not allow.
    return { success: false, errored: true, message: error instanceof Error ? error.message : String(error) };
  }
}

/** Runs a lifecycle hook. Resolves with null when it has done its work, else with why not, in kubelet's words. */
export async function runHook(target: ProbeTarget, hook: V1LifecycleHandler): Promise<string | null> {
  if (hook.sleep !== undefined) {
    const over = new AbortController();
    await Promise.race([longDelay(hook.sleep.seconds * 1000, over.signal), target.container.ended]);
    over.abort();
    return null;
  }
  const command = hook.exec?.command ?? [];
  if (hook.exec === undefined) {
    const { success, message } = await probeOnce(target, { ...hook, timeoutSeconds: hookTimeoutSeconds });
    return success ? null : `HTTP lifecycle hook (${hook.httpGet?.path}) ${failedIn(target)} ${message}`;
  }
  const { exitCode, stdout, stderr } = await runIn(target, command, hookTimeoutSeconds);
  if (exitCode === 0) return null;
  const error = `command '${command.join(' ')}' exited with ${exitCode}: ${stderr}`;
  return `Exec lifecycle hook ([${command.join(' ')}]) ${failedIn(target)} ${error}, message: ${JSON.stringify(stdout + stderr)}`;
}

function failedIn({ spec, pod }: ProbeTarget): string {
  return `for Container "${spec.name}" in Pod "${pod}" failed - error:`;
}

async function execProbe(
  target: ProbeTarget,
  command: readonly string[],
  timeoutSeconds: number,
): Promise<ProbeResult> {
  const beganMs = performance.now();
  const { exitCode, stdout, stderr } = await runIn(target, command, timeoutSeconds);
  if (exitCode === 0) return { success: true, message: '' };
  if (performance.now() - beganMs >= timeoutSeconds * 1000) {
    return { success: false, message: `command timed out: "${command.join(' ')}" timed out after ${timeoutSeconds}s` };
  }
  const why = exitCode === execFailed ? runcError(stderr) : null;
  if (why?.startsWith('exec failed: ')) {
    // containerd's words around runc's.
    const message = `rpc error: code = Unknown desc = failed to exec in container: failed to start exec "${target.container.id}": OCI runtime exec failed: ${why}: unknown`;
    return { success: false, errored: true, message };
  }
  return { success: false, message: `${stdout}${stderr}` };
}

/** What runc logs of its own failure, as text: `level=error msg="…"`. */
function runcError(stderr: string): string | null {
  const quoted = /level=error msg=("(?:[^"\\]|\\.)*")/.exec(stderr)?.[1];
  return quoted === undefined ? null : JSON.parse(quoted);
}

function runIn({ node, container }: ProbeTarget, command: readonly string[], timeoutSeconds: number) {
  const [file, args] = execInContainer(node, container.id, command, { tty: false });
  return tryExec(file, args, { timeoutMs: Math.min(timeoutSeconds * 1000, longestTimerMs) });
}
