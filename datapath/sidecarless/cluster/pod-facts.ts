import type { V1Namespace, V1Pod } from '@kubernetes/client-node';
import { portProtocol } from '../abi/protocols.ts';
import type { FlowWorkload } from '../flow/flow.ts';
import { podLabels } from '../policy/pod-labels.ts';
import type { NamedPort } from '../policy/rule.ts';
import type { Labels } from '../policy/selector.ts';

/**
 * What matters of a pod. `addresses` are none while it has none; these and ports are none once it has ended, and of one in
 * its node's network.
 */
export type PodFacts = {
  namespace: string;
  name: string;
  uid: string;
  /** What it is one of, as flows tell it. */
  workload: FlowWorkload;
  node: string;
  addresses: readonly string[];
  labels: Labels;
  namedPorts: readonly NamedPort[];
  hostPorts: readonly HostPort[];
  /** Whether its sockets may be joined with those of other pods of its node: see {@link shortcutAnnotation}. */
  shortcut: boolean;
};

/** Set to `off` on a pod whose programs need what the short-cut cannot do; bpf/shortcut.bpf.c says what that is. */
export const shortcutAnnotation = 'datapath-lab.dev/shortcut';

/** A pod's port that its node has too: at one of the node's addresses, or at all of them (null). */
export type HostPort = { hostAddress: string | null; hostPort: number; port: number; protocol: number };

export function podFacts(pod: V1Pod, namespace: V1Namespace): PodFacts {
  const ended = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
  const reachable = !ended && pod.spec?.hostNetwork !== true;
  // Init containers that end have no ports that anybody could mean.
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const containers = reachable ? [...(pod.spec?.containers ?? []), ...sidecars] : [];
  return {
    namespace: pod.metadata?.namespace ?? '',
    name: pod.metadata?.name ?? '',
    uid: pod.metadata?.uid ?? '',
    workload: workloadOf(pod),
    node: pod.spec?.nodeName ?? '',
    addresses: reachable ? (pod.status?.podIPs ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip])) : [],
    labels: podLabels(pod, namespace),
    namedPorts: containers.flatMap(({ ports = [] }) =>
      ports.flatMap(({ name, protocol = 'TCP', containerPort }) =>
        name === undefined ? [] : [{ name, protocol: portProtocol(protocol), port: containerPort }],
      ),
    ),
    shortcut: pod.metadata?.annotations?.[shortcutAnnotation] !== 'off',
    hostPorts: containers.flatMap(({ ports = [] }) =>
      ports.flatMap(({ hostIP = '', hostPort, protocol = 'TCP', containerPort }) => {
        if (hostPort === undefined) return [];
        const hostAddress = ['', '0.0.0.0', '::'].includes(hostIP) ? null : hostIP;
        return [{ hostAddress, hostPort, port: containerPort, protocol: portProtocol(protocol) }];
      }),
    ),
  };
}

/**
 * By its controller. A Deployment names its ReplicaSets after itself and the hash of the pods' template, a CronJob its Jobs
 * after itself and the time.
 */
function workloadOf({ metadata = {} }: V1Pod): FlowWorkload {
  const controller = metadata.ownerReferences?.find((owner) => owner.controller === true);
  if (controller === undefined) return { name: metadata.name ?? '', kind: 'Pod' };
  const { name, kind } = controller;
  const hash = metadata.labels?.['pod-template-hash'];
  if (kind === 'ReplicaSet' && hash !== undefined && name.endsWith(`-${hash}`)) {
    return { name: name.slice(0, -hash.length - 1), kind: 'Deployment' };
  }
  const scheduled = kind === 'Job' ? /^(.+)-\d{8,10}$/.exec(name) : null;
  return scheduled === null ? { name, kind } : { name: scheduled[1] ?? name, kind: 'CronJob' };
}
