import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { containersDirectory } from '../kubelet/node/runtime-node.ts';
import { privateDirectory } from '../life/paths.ts';
import { addressPlan } from './address-plan.ts';
import { holdNamespace } from './namespace.ts';
import * as network from './network.ts';

/** A node of the embedded cluster: a network and a mount namespace on the nodes' bridge. */
export type Node = { name: string; pool: string; index: number; address: string; podCidr: string; pid: number };

/** Directories of the host that a node has a private, writable view of. */
const privateTrees = ['etc', 'var', 'opt', 'run'] as const;

/** What pods and CNI plugins expect to find on a node. */
const nodeDirectories = [
  '/etc/cni/net.d',
  '/opt/cni/bin',
  '/var/lib/cni',
  '/var/lib/kubelet/pods',
  '/var/log/pods',
  '/run/netns',
];

/** Makes a node and joins it to the network; the node runtime does the rest. */
export async function createNode(
  { name, pool, index }: { name: string; pool: string; index: number },
  { fabricPid, controlPlanePid, signal }: { fabricPid: number; controlPlanePid: number; signal: AbortSignal },
): Promise<Node> {
  const layers = join(privateDirectory, 'nodes', name);
  await Promise.all(
    privateTrees.flatMap((tree) => [
      mkdir(join(layers, tree, 'upper'), { recursive: true }),
      mkdir(join(layers, tree, 'work'), { recursive: true }),
    ]),
  );
  const pid = await holdNamespace(name, nodeSetUp(name, layers), signal);
  const node = {
    name,
    pool,
    index,
    address: addressPlan.nodeAddress(index),
    podCidr: addressPlan.podCidrOf(index),
    pid,
  };
  await network.joinFabric(fabricPid, node, signal);
  await Promise.all([
    network.prepareNode(node, signal),
    network.routePods(controlPlanePid, node, node.podCidr, signal),
  ]);
  return node;
}

// Overlays leave the host's directories as they are. /run comes last: the layers lie below it.
function nodeSetUp(name: string, layers: string): string {
  const mounts = privateTrees.map(
    (tree) =>
      `mount -t overlay -o lowerdir=/${tree},upperdir=${layers}/${tree}/upper,workdir=${layers}/${tree}/work lab /${tree}`,
  );
  // As systemd leaves it: what a pod mounts below a Bidirectional volume is there for the node, and stays after the pod.
  // runc takes the mount that a container's root lies on out of that, so containers have one of their own.
  const shared = [
    'mount --make-shared /run',
    `mkdir -p ${containersDirectory}`,
    `mount --bind ${containersDirectory} ${containersDirectory}`,
    `mount --make-private ${containersDirectory}`,
  ];
  return [`hostname ${name}`, ...mounts, ...shared, `mkdir -p ${nodeDirectories.join(' ')}`].join('\n');
}
