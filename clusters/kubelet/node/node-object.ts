import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { arch, availableParallelism, release, totalmem } from 'node:os';
import type { V1Node, V1NodeCondition, V1NodeStatus } from '@kubernetes/client-node';
import { privateDirectory } from '../../life/paths.ts';
import { pins } from '../../tools/pins.ts';
import type { RuntimeNode } from './runtime-node.ts';

/** Kubelet's limit of pods on one node. */
const maximumPods = 110;

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** A Node object as kubelet registers it. */
export function nodeObject(node: RuntimeNode): V1Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: node.name,
      labels: {
        'kubernetes.io/hostname': node.name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': architectures[arch()] ?? arch(),
        'beta.kubernetes.io/os': 'linux',
        'beta.kubernetes.io/arch': architectures[arch()] ?? arch(),
        ...node.labels,
      },
    },
    spec: { podCIDR: node.podCidr, podCIDRs: [node.podCidr] },
  };
}

/** Bytes that pods can write, in emptyDirs, logs and containers' own layers: all of that is in memory here. */
export function storageBytes(): number {
  const { blocks, bsize } = statfsSync(existsSync(privateDirectory) ? privateDirectory : '/');
  return blocks * bsize;
}

export type NodeStatusInput = {
  node: RuntimeNode;
  kubelet: { address: string; port: number };
  /** Whether the node has a network configuration. */
  networkReady: boolean;
  images: readonly string[];
  previous: readonly V1NodeCondition[];
  now: Date;
};

/** A node's status: what it has, where it is reached, and whether pods can run on it. */
export function nodeStatus({ node, kubelet, networkReady, images, previous, now }: NodeStatusInput): V1NodeStatus {
  const capacity = {
    cpu: String(availableParallelism()),
    'ephemeral-storage': `${Math.floor(storageBytes() / 1024)}Ki`,
    memory: `${Math.floor(totalmem() / 1024)}Ki`,
    pods: String(maximumPods),
  };
  return {
    capacity,
    allocatable: capacity,
    addresses: [
      { type: 'InternalIP', address: node.address },
      { type: 'Hostname', address: node.name },
      // The API server dials this one for logs: the runtime has one server for all nodes.
      { type: 'InternalDNS', address: kubelet.address },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: kubelet.port } },
    nodeInfo: {
      ...hostIds(),
      kernelVersion: release(),
      osImage: osName(),
      containerRuntimeVersion: 'lab://runc',
      kubeletVersion: `v${pins.kubernetes.version}+lab`,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: architectures[arch()] ?? arch(),
    },
    images: images.map((name) => ({ names: [name], sizeBytes: 0 })),
    conditions: conditions(networkReady, previous, now),
  };
}

function conditions(networkReady: boolean, previous: readonly V1NodeCondition[], now: Date): V1NodeCondition[] {
  const calm = (type: string, reason: string, what: string) =>
    ({ type, status: 'False', reason, message: `kubelet has ${what}` }) as const;
  const states = [
    calm('MemoryPressure', 'KubeletHasSufficientMemory', 'sufficient memory available'),
    calm('DiskPressure', 'KubeletHasNoDiskPressure', 'no disk pressure'),
    calm('PIDPressure', 'KubeletHasSufficientPID', 'sufficient PID available'),
    networkReady
      ? { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' }
      : {
          type: 'Ready',
          status: 'False',
          reason: 'KubeletNotReady',
          message:
            'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized',
        },
  ];
  return states.map((state) => {
    const before = previous.find(({ type }) => type === state.type);
    const kept = before?.status === state.status ? before.lastTransitionTime : undefined;
    return { ...state, lastHeartbeatTime: now, lastTransitionTime: kept ?? now };
  });
}

function hostIds(): { machineID: string; systemUUID: string; bootID: string } {
  const machine = readText('/etc/machine-id');
  return { machineID: machine, systemUUID: machine, bootID: readText('/proc/sys/kernel/random/boot_id') };
}

function osName(): string {
  return /^PRETTY_NAME="?([^"\n]*)/m.exec(readText('/etc/os-release'))?.[1] ?? 'Linux';
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
