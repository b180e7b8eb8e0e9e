import type { DataPlaneContext, Evidence, Expectation, TestCase, Traffic } from '../data-plane.ts';
import type { NodeEvidence } from './agent/evidence-of.ts';
import { askAgent } from './agent-client.ts';

/** Reads what the programs on both nodes of a test case have counted. */
export async function sidecarlessEvidence(context: DataPlaneContext, testCase: TestCase): Promise<Evidence> {
  const { pool, placement, port } = testCase;
  const read = (node: string): Promise<NodeEvidence> =>
    askAgent(context, { namespace: pool.systemNamespace, node, path: '/evidence' });
  const [near, far] = await Promise.all(
    placement === 'cross-node' ? pool.nodes.map(read) : [read(pool.nodes[1]), Promise.resolve(null)],
  );
  if (near === undefined || near === null) throw new Error('no evidence');
  const nodes = far === null || far === undefined ? [near] : [near, far];
  const service = `${pool.namespace}/workload`;
  const total = (of: (node: NodeEvidence) => number): number => nodes.reduce((sum, node) => sum + of(node), 0);
  return {
    'services/connections': near.connections[`${service}:${port}`] ?? 0,
    'services/other-ports': Object.entries(near.connections)
      .filter(([name]) => name.startsWith(`${service}:`) && name !== `${service}:${port}`)
      .reduce((sum, [, count]) => sum + count, 0),
    ...(far === null || far === undefined
      ? {
          'node/bytes-out': near.forwarded.egress.bytes,
          'node/bytes-in': near.forwarded.ingress.bytes,
          'shortcut/bytes': near.shortcut.bytes,
        }
      : {
          'client-node/bytes-sent': near.forwarded.egress.bytes,
          'client-node/bytes-received': near.forwarded.ingress.bytes,
          'server-node/bytes-received': far.forwarded.ingress.bytes,
          'server-node/bytes-sent': far.forwarded.egress.bytes,
          'shortcut/bytes': near.shortcut.bytes + far.shortcut.bytes,
        }),
    'policy/dropped': total(({ dropped }) => dropped.packets),
  };
}

/** What the counters must have grown by for this traffic; those that are left out must not have moved. */
export function sidecarlessExpected({ placement, variant }: TestCase, traffic: Traffic): Expectation[] {
  const { requests, connections, bytesSent, bytesReceived } = traffic;
  const translated: Expectation = {
    counter: 'services/connections',
    claim: 'every connection to the Service was translated once, at its socket',
    exactly: connections,
  };
  if (variant === null && placement === 'same-node') {
    // Both pods' programs are on one node, so that everything is seen going out and coming in.
    const bytes = bytesSent + bytesReceived;
    return [
      translated,
      { counter: 'node/bytes-out', claim: 'every byte left a pod by its program', atLeast: bytes },
      { counter: 'node/bytes-in', claim: 'every byte came into a pod by its program', atLeast: bytes },
    ];
  }
  if (placement === 'same-node') {
    return [
      translated,
      { counter: 'node/bytes-out', claim: 'handshakes left a pod by its program', atLeast: connections },
      { counter: 'node/bytes-in', claim: 'and came into the other by its program', atLeast: connections },
      {
        counter: 'shortcut/bytes',
        // Until both ends are joined, what is sent goes by packets.
        claim: "every byte but those of a connection's first request went from socket to socket",
        atLeast: bytesSent + bytesReceived - connections * Math.ceil(bytesSent / Math.max(1, requests)),
      },
    ];
  }
  const atLeast = (counter: string, claim: string, count: number): Expectation => ({ counter, claim, atLeast: count });
  return [
    translated,
    atLeast('client-node/bytes-sent', "what was sent left its pod by the generator's programs", bytesSent),
    atLeast('server-node/bytes-received', "what was sent came into its pod by the workload's programs", bytesSent),
    atLeast('server-node/bytes-sent', "what was received left its pod by the workload's programs", bytesReceived),
    atLeast('client-node/bytes-received', "what was received came in by the generator's programs", bytesReceived),
  ];
}
