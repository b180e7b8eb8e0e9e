import { type Flow, messageTypes, portsOf, protocolOf } from '../../flow/flow.ts';
import type { Ended } from './attempts.ts';
import { type Addresses, type End, isItself, type Party, startOf, type Way } from './connection-ends.ts';
import { type Outcome, readTraffic } from './row.ts';

const drops: Partial<Record<Outcome, { direction: Flow['traffic_direction']; reason: string }>> = {
  'default deny at egress': { direction: 'EGRESS', reason: 'POLICY_DENIED' },
  'default deny at ingress': { direction: 'INGRESS', reason: 'POLICY_DENIED' },
  'denied at egress': { direction: 'EGRESS', reason: 'POLICY_DENY' },
  'denied at ingress': { direction: 'INGRESS', reason: 'POLICY_DENY' },
};

/**
 * What is wrong with the flows as the record of an attempt; null where they tell of it as it was: by whom it was let
 * out and in, or where, why and by which object it was dropped, and that nothing else became of it.
 */
export function contradiction(
  { attempt, way, probed: { port } }: Ended,
  flows: readonly Flow[],
  addresses: Addresses,
  policies: readonly string[],
): string | null {
  if (isItself(attempt.to)) return null;
  const { protocol } = readTraffic(attempt.traffic);
  const own = flows.filter((flow) => isOf(flow, protocol, way, port));
  const start = (end: End): End => startOf(attempt.from, addresses, end);
  const about = own.filter(({ Type, IP, source, destination }) =>
    way.ends.some(
      (end) =>
        Type === 'L3_L4' &&
        IP.source === start(end).address &&
        IP.destination === end.address &&
        isParty(source, start(end).party) &&
        isParty(destination, end.party),
    ),
  );
  const drop = drops[attempt.outcome] ?? null;
  const forwarded = (direction: Flow['traffic_direction']): boolean =>
    about.some(
      (flow) =>
        flow.verdict === 'FORWARDED' &&
        flow.traffic_direction === direction &&
        flow.event_type.type === messageTypes.flow,
    );
  const startsAtPod = way.ends.some((end) => 'pod' in start(end).party);
  const endsAtPod = way.ends.some((end) => 'pod' in end.party);
  const dropped = about.filter(({ verdict }) => verdict === 'DROPPED');
  const asItWas = dropped.filter(
    (flow) => flow.traffic_direction === drop?.direction && flow.drop_reason_desc === drop.reason,
  );
  const isTranslated = own.some(
    ({ Type, destination_service: service }) =>
      Type === 'SOCK' && service?.name === way.service?.name && service?.namespace === way.service?.namespace,
  );
  if (way.service !== null && !isTranslated) return 'no flow shows the service being translated';
  if (dropped.length > asItWas.length) return 'a flow shows a drop for another reason, or in the other direction';
  if (drop !== null && !asItWas.some(({ event_type }) => event_type.type === messageTypes.drop))
    return 'no flow shows the drop';
  if (startsAtPod && drop?.direction !== 'EGRESS' && !forwarded('EGRESS')) return 'no flow shows it leave its pod';
  if (endsAtPod && drop === null && !forwarded('INGRESS')) return 'no flow shows it come into the other pod';
  if (drop !== null && endsAtPod && forwarded('INGRESS')) return 'a flow shows it come into the other pod';
  if (drop?.reason === 'POLICY_DENY') {
    const deniers = dropped.flatMap((flow) => [...flow.egress_denied_by, ...flow.ingress_denied_by]);
    if (!deniers.some(({ name }) => policies.includes(name))) return 'no flow names the policy that denied it';
  }
  return null;
}

/** A flow in few words. */
export function brief(flow: Flow): string {
  const { verdict, drop_reason_desc: reason, traffic_direction: direction, IP, Summary, Type } = flow;
  const ports = portsOf(flow);
  const name = ({ pod_name, labels }: Flow['source']): string => pod_name ?? labels.join();
  const source = `${IP.source}:${ports?.source} (${name(flow.source)})`;
  const destination = `${IP.destination}:${ports?.destination} (${name(flow.destination)})`;
  return `${Type} ${verdict} ${reason ?? ''} ${direction} ${source} > ${destination} ${Summary}`;
}

/** Whether a flow can be of an attempt; of a translation the client's port is not known. */
function isOf(flow: Flow, protocol: string, { serverPort, ends }: Way, port: number): boolean {
  const ports = portsOf(flow);
  if (!ends.some(({ address }) => address === flow.IP.destination)) return false;
  if (protocol === 'ICMP') return flow.l4 !== null && 'ICMPv4' in flow.l4 && flow.l4.ICMPv4.type === 8;
  if (protocolOf(flow) !== protocol || ports?.destination !== serverPort) return false;
  return flow.Type === 'SOCK' || ports.source === port;
}

function isParty({ pod_name, labels }: Flow['source'], party: Party): boolean {
  return 'pod' in party ? pod_name === party.pod : labels.includes(`reserved:${party.entity}`);
}
