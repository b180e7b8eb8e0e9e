import type { DataPlaneContext, Evidence, Expectation, TestCase, Traffic } from '../data-plane.ts';
import { askAgent } from './agent-client.ts';
import type { NodeEvidence } from './status/node-evidence.ts';

/** Reads what the programs on both nodes of a test case have counted. */
export async function sidecarlessEvidence(context: DataPlaneContext, testCase: TestCase): Promise<Evidence> {
  const { pool, placement, port, variant } = testCase;
  const service = `${pool.namespace}/workload`;
  const read = (node: string): Promise<NodeEvidence> =>
    askAgent(context, { namespace: pool.systemNamespace, node, path: `/evidence?service=${service}` });
  const [near, far] = await Promise.all(
    placement === 'cross-node' ? pool.nodes.map(read) : [read(pool.nodes[1]), Promise.resolve(null)],
  );
  if (near === undefined || near === null) throw new Error('no evidence');
  const nodes = far === null || far === undefined ? [near] : [near, far];
  const total = (of: (node: NodeEvidence) => number): number => nodes.reduce((sum, node) => sum + of(node), 0);
  return {
    'services/connections': near.connections[`${service}:${port}`] ?? 0,
    'services/other-ports': Object.entries(near.connections)
      .filter(([name]) => name.startsWith(`${service}:`) && name !== `${service}:${port}`)
      .reduce((sum, [, count]) => sum + count, 0),
    'programs/connect': near.runs.sl_connect4 + near.runs.sl_connect6,
    ...(far === null || far === undefined
      ? {
          'programs/from-pod': near.runs.sl_from_pod,
          ...(variant === null ? {} : { 'programs/message': near.runs.sl_msg }),
          'node/bytes-out': near.forwarded.egress.bytes,
          'node/bytes-in': near.forwarded.ingress.bytes,
          'shortcut/bytes': near.shortcut.bytes,
        }
      : {
          'client-node/from-pod': near.runs.sl_from_pod,
          'client-node/from-net': near.runs.sl_from_net,
          'server-node/from-net': far.runs.sl_from_net,
          'server-node/from-pod': far.runs.sl_from_pod,
          'client-node/bytes-sent': near.forwarded.egress.bytes,
          'client-node/bytes-received': near.forwarded.ingress.bytes,
          'server-node/bytes-received': far.forwarded.ingress.bytes,
          'server-node/bytes-sent': far.forwarded.egress.bytes,
          'shortcut/bytes': near.shortcut.bytes + far.shortcut.bytes,
        }),
    'policy/dropped': total(({ dropped }) => dropped.packets),
  };
}

/** Longer ones may find their reader behind: a socket's buffer is at least twice as long. */
const longAnswerBytes = 32 * 1024;

/** What the counters must have grown by for this traffic; those that are left out must not have moved. */
export function sidecarlessExpected({ placement, variant }: TestCase, traffic: Traffic): Expectation[] {
  const { requests, connections, bytesSent, bytesReceived } = traffic;
  const atLeast = (counter: string, claim: string, count: number): Expectation => ({ counter, claim, atLeast: count });
  const translated: readonly Expectation[] = [
    {
      counter: 'services/connections',
      claim: 'every connection to the Service was translated once, at its socket',
      exactly: connections,
    },
    atLeast('programs/connect', 'the program of connect() has run for every connection', connections),
  ];
  if (variant === null && placement === 'same-node') {
    // Both pods' programs are on one node, so that everything is seen going out and coming in.
    const bytes = bytesSent + bytesReceived;
    return [
      ...translated,
      atLeast('node/bytes-out', 'every byte left a pod by its program', bytes),
      atLeast('node/bytes-in', 'every byte came into a pod by its program', bytes),
      atLeast('programs/from-pod', 'which has run for every request and every answer', 2 * requests),
    ];
  }
  if (placement === 'same-node') {
    return [
      ...translated,
      atLeast('node/bytes-out', 'handshakes left a pod by its program', connections),
      atLeast('node/bytes-in', 'and came into the other by its program', connections),
      atLeast('programs/from-pod', 'which has run for every handshake, both ways', 2 * connections),
      atLeast('programs/message', 'the program of joined sockets has run for every request and answer', 2 * requests),
      bytesReceived > longAnswerBytes * requests
        ? {
            counter: 'shortcut/bytes',
            // What its reader has no room for goes by packets, and how much that is of a long answer, nobody can say.
            claim: "every request but a connection's first went from socket to socket",
            atLeast: bytesSent - connections * Math.ceil(bytesSent / Math.max(1, requests)),
          }
        : {
            counter: 'shortcut/bytes',
            // Until both ends are joined, what is sent goes by packets.
            claim: "every byte but those of a connection's first request went from socket to socket",
            atLeast: bytesSent + bytesReceived - connections * Math.ceil(bytesSent / Math.max(1, requests)),
          },
    ];
  }
  return [
    ...translated,
    atLeast('client-node/bytes-sent', "what was sent left its pod by the generator's programs", bytesSent),
    atLeast('server-node/bytes-received', "what was sent came into its pod by the workload's programs", bytesSent),
    atLeast('server-node/bytes-sent', "what was received left its pod by the workload's programs", bytesReceived),
    atLeast('client-node/bytes-received', "what was received came in by the generator's programs", bytesReceived),
    atLeast('client-node/from-pod', 'the program at the pod has run for every request', requests),
    atLeast('server-node/from-net', "and then that at the other node's uplink", requests),
    atLeast('server-node/from-pod', 'the program at the pod has run for every answer', requests),
    atLeast('client-node/from-net', "and then that at the generator's uplink", requests),
  ];
}
