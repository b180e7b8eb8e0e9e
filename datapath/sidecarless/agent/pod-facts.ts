import type { V1Namespace, V1Pod } from '@kubernetes/client-node';
import { podLabels } from '../policy/pod-labels.ts';
import type { NamedPort } from '../policy/rule.ts';
import type { Labels } from '../policy/selector.ts';

/** What matters of a pod. `addresses` are none while it has none, once it has ended, and of one in its node's network. */
export type PodFacts = {
  namespace: string;
  name: string;
  uid: string;
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

const numbers: Readonly<Record<string, number>> = { TCP: 6, UDP: 17, SCTP: 132 };

export function podFacts(pod: V1Pod, namespace: V1Namespace): PodFacts {
  const ended = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
  const reachable = !ended && pod.spec?.hostNetwork !== true;
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return {
    namespace: pod.metadata?.namespace ?? '',
    name: pod.metadata?.name ?? '',
    uid: pod.metadata?.uid ?? '',
    node: pod.spec?.nodeName ?? '',
    addresses: reachable ? (pod.status?.podIPs ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip])) : [],
    labels: podLabels(pod, namespace),
    namedPorts: containers.flatMap(({ ports = [] }) =>
      ports.flatMap(({ name, protocol = 'TCP', containerPort }) =>
        name === undefined ? [] : [{ name, protocol: numbers[protocol] ?? 0, port: containerPort }],
      ),
    ),
    shortcut: pod.metadata?.annotations?.[shortcutAnnotation] !== 'off',
    hostPorts: containers.flatMap(({ ports = [] }) =>
      ports.flatMap(({ hostIP = '', hostPort, protocol = 'TCP', containerPort }) => {
        if (hostPort === undefined) return [];
        const hostAddress = ['', '0.0.0.0', '::'].includes(hostIP) ? null : hostIP;
        return [{ hostAddress, hostPort, port: containerPort, protocol: numbers[protocol] ?? 0 }];
      }),
    ),
  };
}
