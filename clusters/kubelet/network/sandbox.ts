import { randomBytes } from 'node:crypto';
import type { V1Pod } from '@kubernetes/client-node';
import { LabError } from '../../error.ts';
import { exec, tryExec } from '../../exec.ts';
import { shortFarewell } from '../../netns/short-farewell.ts';
import { nodePath, onNode, type RuntimeNode } from '../node/runtime-node.ts';
import {
  type CniAttachment,
  type CniExec,
  type CniNetwork,
  type CniResult,
  cacheResult,
  cniAdd,
  cniDelete,
  cniPath,
  podIps,
} from './cni.ts';

/** A pod's network: its namespace on the node, and its addresses. */
export type Sandbox = {
  readonly netns: string;
  readonly podIps: readonly string[];
  /** Takes the pod out of the network and removes the namespace. Repeating is no error. */
  remove(): Promise<void>;
};

const resultDirectory = '/var/lib/cni/results';

/**
 * Makes the pod's network namespace and adds it to the network. Nothing is left behind when that fails.
 * @throws LabError LAB_SANDBOX_FAILED in the words that `kubectl describe` shows.
 */
export async function createSandbox(node: RuntimeNode, pod: V1Pod, network: CniNetwork): Promise<Sandbox> {
  const containerId = randomBytes(32).toString('hex');
  const netns = `/run/netns/cni-${containerId.slice(0, 32)}`;
  const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
  const attachment: CniAttachment = {
    containerId,
    netns,
    pod: { namespace, name, uid },
    runtimeConfig: { portMappings: portMappings(pod) },
  };
  let added: CniResult | undefined;
  const remove = async (): Promise<void> => {
    await cniDelete(pluginOn(node), network, attachment, added);
    await tryExec(...onNode(node, 'ip', ['netns', 'delete', netnsName(netns)]));
    await cacheResult(nodePath(node, resultDirectory), containerId, null);
  };
  try {
    await createNamespace(node, netns, pod);
    added = await cniAdd(pluginOn(node), network, attachment);
    await cacheResult(nodePath(node, resultDirectory), containerId, added);
    const addresses = podIps(added);
    if (addresses.length === 0) throw new Error(`network "${network.name}" gave the pod no address`);
    return { netns, podIps: addresses, remove };
  } catch (cause) {
    await remove().catch(() => tryExec(...onNode(node, 'ip', ['netns', 'delete', netnsName(netns)])));
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LabError('LAB_SANDBOX_FAILED', {
      message: `Failed to create pod sandbox: failed to setup network for sandbox "${containerId}": ${why}`,
      cause,
    });
  }
}

/** The namespace with its loopback up, as containerd leaves it to the plugins, and the pod's network sysctls. */
async function createNamespace(node: RuntimeNode, netns: string, pod: V1Pod): Promise<void> {
  const settings = (pod.spec?.securityContext?.sysctls ?? [])
    .filter(({ name }) => isNetworkSysctl(name))
    .map(({ name, value }) => `${name}=${value}`);
  const script =
    'ip netns add "$1" && ip -n "$1" link set lo up || exit 1; n=$1; shift; exec nsenter --net="/run/netns/$n" sysctl -q -w "$@"';
  await exec(...onNode(node, 'sh', ['-c', script, 'sandbox', netnsName(netns), shortFarewell, ...settings]));
}

/** Sysctls that belong to the network namespace; the others are each container's own. */
export function isNetworkSysctl(name: string): boolean {
  return name.startsWith('net.') || name.startsWith('net/');
}

function netnsName(netns: string): string {
  return netns.split('/').at(-1) ?? '';
}

function pluginOn(node: RuntimeNode): CniExec {
  // The first directory that has the program, as libcni looks for it.
  const find = 'IFS=:; for d in $CNI_PATH; do [ -x "$d/$1" ] && exec "$d/$1"; done; exit 127';
  return async (plugin, environment, input) => {
    const [file, args] = onNode(node, 'sh', ['-c', find, 'cni', plugin]);
    const result = await tryExec(file, args, { env: environment, extendEnv: false, input, timeoutMs: 60_000 });
    if (result.exitCode !== 127 || result.stdout !== '') return result;
    return { ...result, stderr: `failed to find plugin "${plugin}" in path [${cniPath.replace(':', ' ')}]` };
  };
}

function portMappings(pod: V1Pod): object[] {
  return (pod.spec?.containers ?? []).flatMap(({ ports = [] }) =>
    ports
      .filter(({ hostPort }) => hostPort !== undefined)
      .map(({ hostPort, containerPort, protocol = 'TCP', hostIP = '' }) => ({
        hostPort,
        containerPort,
        protocol: protocol.toLowerCase(),
        hostIP,
      })),
  );
}
