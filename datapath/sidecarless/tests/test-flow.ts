import { numbers } from '../abi/numbers.ts';
import { protocols } from '../abi/protocols.ts';
import { tcpFlags } from '../abi/tcp-flags.ts';
import { decodeEvent } from '../flow/event.ts';
import type { Flow } from '../flow/flow.ts';
import type { FlowContext, FlowPod } from '../flow/flow-context.ts';
import { flowOf } from '../flow/flow-of.ts';
import { type TestEvent, testEvent } from './test-event.ts';

const client: FlowPod = {
  namespace: 'default',
  name: 'client-1',
  workload: { kind: 'Pod', name: 'client-1' },
  labels: ['k8s:app=client'],
  identity: 300,
  endpoint: 7,
};
const server: FlowPod = {
  namespace: 'shop',
  name: 'web-7d4b9-x2x8q',
  workload: { kind: 'Deployment', name: 'web' },
  labels: ['k8s:app=web'],
  identity: 301,
  endpoint: null,
};

/**
 * A node with one pod, `default/client-1` at 10.0.0.1 and fd00::1, that knows `shop/web-7d4b9-x2x8q` of another node at
 * 10.0.1.1 and fd00:1::1, its service `shop/web` at 10.96.0.1:80, socket 99 of the client, and rules 5 and 6.
 */
export const testContext: FlowContext = {
  nodeName: 'node-1',
  clockOffsetNanoseconds: 1_000_000_000_000n,
  newUuid: () => '00000000-0000-4000-8000-000000000000',
  pod: (address) =>
    ['10.0.0.1', 'fd00::1'].includes(address) ? client : ['10.0.1.1', 'fd00:1::1'].includes(address) ? server : null,
  identityLabels: (identity) => (identity === numbers.identity.IDENTITY_CIDR ? ['cidr:192.0.2.0/24'] : []),
  service: (address, port) => (address === '10.96.0.1' && port === 80 ? { namespace: 'shop', name: 'web' } : null),
  rule: (rule) => {
    if (rule === 5) return { kind: 'NetworkPolicy', namespace: 'default', name: 'to-web', match: 'L3-L4' };
    if (rule === 6)
      return { kind: 'CiliumClusterwideNetworkPolicy', namespace: null, name: 'no-web', match: 'L4-Only' };
    return null;
  },
  socketPod: (cookie) => (cookie === 99n ? client : null),
};

/** The client's SYN to the server as its hook saw it, but for what `event` says otherwise. */
export function testFlow(event: TestEvent = {}): Flow {
  return flowOf(
    decodeEvent(
      testEvent({
        time: 234_567_891_234n,
        source: '10.0.0.1',
        destination: '10.0.1.1',
        ports: [31793, 8080],
        identities: [300, 301],
        endpoint: 7,
        direction: numbers.direction.EGRESS,
        protocol: protocols.TCP,
        tcpFlags: tcpFlags.SYN,
        point: numbers.observation_point.FROM_ENDPOINT,
        ...event,
      }),
    ),
    testContext,
  );
}

/** The answer to it. */
export function testReply(event: TestEvent = {}): Flow {
  return testFlow({
    source: '10.0.1.1',
    destination: '10.0.0.1',
    ports: [8080, 31793],
    identities: [301, 300],
    direction: numbers.direction.INGRESS,
    tcpFlags: tcpFlags.SYN | tcpFlags.ACK,
    isReply: 1,
    point: numbers.observation_point.TO_ENDPOINT,
    ...event,
  });
}

/** What the kernel side tells of a socket that asked for the service. */
export function testTranslation(event: TestEvent = {}): Flow {
  return testFlow({
    source: '::',
    ports: [0, 8080],
    identities: [0, 0],
    endpoint: 0,
    type: numbers.event_type.EVENT_TRANSLATION,
    tcpFlags: 0,
    point: numbers.observation_point.POST_XLATE_FWD,
    socket: 99n,
    service: '10.96.0.1',
    servicePort: 80,
    ...event,
  });
}
