import { exec } from '../exec.ts';
import { addressPlan } from './address-plan.ts';
import { enter } from './namespace.ts';
import { shortFarewell } from './short-farewell.ts';

/** A namespace to be joined to the nodes' network: `index` picks its addresses (0 is the control plane). */
export type Joined = { pid: number; index: number; address: string };

/** Makes the bridge that is the nodes' network, in the namespace of its own that `fabricPid` holds. */
export async function createFabric(fabricPid: number, signal: AbortSignal): Promise<void> {
  await ip(
    fabricPid,
    ['link add br0 type bridge stp_state 0 forward_delay 0', 'link set br0 up', 'link set lo up'],
    signal,
  );
  await ip(null, ['link set lo up'], signal);
  await exec('sysctl', ['-q', '-w', shortFarewell], { signal });
}

/**
 * Joins a namespace to the bridge (its `eth0`) and gives the supervisor a leg into it (its `kubelet0`).
 * The caller sets routes to pods; see {@link routePods}.
 */
export async function joinFabric(
  fabricPid: number,
  { pid, index, address }: Joined,
  signal: AbortSignal,
): Promise<void> {
  await ip(
    null,
    [
      `link add eth0 netns ${pid} type veth peer name port${index} netns ${fabricPid}`,
      `link add leg${index} type veth peer name kubelet0 netns ${pid}`,
      `address add ${addressPlan.legHere(index)}/${addressPlan.legPrefixLength} dev leg${index}`,
      `link set leg${index} up`,
    ],
    signal,
  );
  await Promise.all([
    ip(fabricPid, [`link set port${index} master br0 up`], signal),
    ip(
      pid,
      [
        'link set lo up',
        `address add ${address}/${addressPlan.nodePrefixLength} dev eth0`,
        'link set eth0 up',
        `address add ${addressPlan.legThere(index)}/${addressPlan.legPrefixLength} dev kubelet0`,
        'link set kubelet0 up',
      ],
      signal,
    ),
  ]);
  // Only now is the far end up: a route over it would be refused before.
  await ip(null, [`route replace ${address}/32 via ${addressPlan.legThere(index)}`], signal);
}

/**
 * Lets the supervisor and the control plane reach a node's pods: the first through its leg, as a kubelet does, the
 * second over the nodes' network. Node-to-node routes are the data planes' business.
 */
export async function routePods(
  controlPlanePid: number,
  node: Joined,
  podCidr: string,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all([
    ip(null, [`route replace ${podCidr} via ${addressPlan.legThere(node.index)}`], signal),
    ip(controlPlanePid, [`route replace ${podCidr} via ${node.address}`], signal),
  ]);
}

/** What a node's network namespace needs before pods run in it. */
export async function prepareNode(node: Joined, signal: AbortSignal): Promise<void> {
  const settings = ['net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.default.rp_filter=0'];
  await exec(...enter(node.pid, 'sysctl', ['-q', '-w', ...settings]), { signal });
  // Probes come from the node, as a kubelet's do: the leg's own address means nothing to a pod.
  const leg = `${addressPlan.legHere(node.index)}/32`;
  await exec(...enter(node.pid, 'iptables', ['-w', '-t', 'nat', '-A', 'POSTROUTING', '-s', leg, '-j', 'MASQUERADE']), {
    signal,
  });
}

function ip(pid: number | null, commands: readonly string[], signal: AbortSignal): Promise<unknown> {
  const [file, args] = pid === null ? (['ip', ['-batch', '-']] as const) : enter(pid, 'ip', ['-batch', '-']);
  return exec(file, args, { input: `${commands.join('\n')}\n`, signal });
}
