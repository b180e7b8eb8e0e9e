import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { LabError } from '../../../clusters/error.ts';
import { start, tryExec } from '../../../clusters/exec.ts';
import type { Owner } from './lease.ts';
import { type LinkPlan, linkCommands } from './link-commands.ts';
import { linkIdentity } from './link-identity.ts';

/**
 * One process for it all: starting one from Node costs as much as all the rest. The pod's `ip` starts at once, beside the
 * node's, and waits for its lines.
 */
const script = `ip -batch - <<EOF || echo failed &
$2
EOF
nsenter --net="$1" ip -batch -
code=$?
wait
exit $code
`;

/**
 * Makes the veth pair of a pod: the node's side named after the container, the pod's in its namespace by `ifname`. The
 * pod's side stays down, and nothing passes, until `attach`, which is given the node's interface index, has resolved.
 * What has been made stays when something fails: {@link removePodLink} removes it.
 * @throws LabError LAB_POD_LINK_EXISTS when either side is there already, LAB_POD_LINK_FAILED in the words of ip(8).
 */
export async function createPodLink(plan: LinkPlan, attach: (ifindex: number) => Promise<void>): Promise<void> {
  const { onNode, inPod } = linkCommands(plan);
  const child = start('sh', ['-c', script, 'pod-link', plan.netns, onNode], { stdio: ['pipe', 'pipe', 'pipe'] });
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error('sh has no pipes');
  let complaint = '';
  stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  // It may have ended when it is told to go on; how it ended says why.
  stdin.on('error', () => undefined);
  const firstLine = once(createInterface(stdout), 'line').then(([line]) => String(line));
  const described = await Promise.race([firstLine, child.ended.then(() => '')]);
  const isMade = /^\d+: /.test(described);
  try {
    if (isMade) await attach(Number.parseInt(described, 10));
    if (isMade) stdin.write(inPod);
  } finally {
    // Without its lines the pod's side stays down.
    stdin.end();
    await child.ended;
  }
  const { exitCode } = await child.ended;
  if (!isMade || exitCode !== 0) throw linkError(plan, complaint.trim());
}

/** Removes both sides of the pod's link, with the node's routes and neighbours by it. Repeating is no error. */
export async function removePodLink(owner: Owner): Promise<void> {
  const { hostName } = linkIdentity(owner);
  const { exitCode, stderr } = await tryExec('ip', ['link', 'delete', 'dev', hostName]);
  // The kernel removes it by itself when the pod's namespace has ended, and may be about to.
  if (exitCode === 0 || /Cannot find device|No such device/.test(stderr)) return;
  throw linkError(owner, stderr.trim());
}

function linkError(owner: Owner, complaint: string): LabError {
  const exists = complaint.includes('File exists');
  return new LabError(exists ? 'LAB_POD_LINK_EXISTS' : 'LAB_POD_LINK_FAILED', {
    message: `The link ${linkIdentity(owner).hostName} of ${owner.ifname} in sandbox ${owner.containerId} failed: ${complaint}`,
  });
}
