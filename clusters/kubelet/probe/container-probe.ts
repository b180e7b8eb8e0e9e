import type { V1Container, V1Probe } from '@kubernetes/client-node';
import { type ExecResult, tryExec } from '../../exec.ts';
import { type Container, execInContainer } from '../container/container.ts';
import { execFailure } from '../container/containerd-words.ts';
import { longestTimerMs } from '../long-delay.ts';
import type { RuntimeNode } from '../node/runtime-node.ts';
import { grpcProbe } from './grpc.ts';
import { httpProbe, type ProbeResult, tcpProbe } from './probe-request.ts';

/** The running container that is looked at. `pod`: its pod as kubelet names it, `name_namespace(uid)`. */
export type ProbeTarget = { node: RuntimeNode; container: Container; spec: V1Container; pod: string; podIp: string };

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

async function execProbe(
  target: ProbeTarget,
  command: readonly string[],
  timeoutSeconds: number,
): Promise<ProbeResult> {
  const beganMs = performance.now();
  const { exitCode, stdout, stderr } = await runInside(target, command, timeoutSeconds);
  if (exitCode === 0) return { success: true, message: '' };
  if (performance.now() - beganMs >= timeoutSeconds * 1000) {
    return { success: false, message: `command timed out: "${command.join(' ')}" timed out after ${timeoutSeconds}s` };
  }
  const why = exitCode === execFailed ? runcError(stderr) : null;
  if (why?.startsWith('exec failed: ')) {
    return { success: false, errored: true, message: execFailure(target.container.id, why) };
  }
  return { success: false, message: `${stdout}${stderr}` };
}

/** What runc logs of its own failure, as text: `level=error msg="…"`. */
function runcError(stderr: string): string | null {
  const quoted = /level=error msg=("(?:[^"\\]|\\.)*")/.exec(stderr)?.[1];
  return quoted === undefined ? null : JSON.parse(quoted);
}

/** Runs a program in a container to its end, or until the time is over. */
export function runInside(
  { node, container }: ProbeTarget,
  command: readonly string[],
  timeoutSeconds: number,
): Promise<ExecResult> {
  const [file, args] = execInContainer(node, container.id, command, { tty: false });
  return tryExec(file, args, { timeoutMs: Math.min(timeoutSeconds * 1000, longestTimerMs) });
}
