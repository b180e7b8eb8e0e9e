import { reservedLabel, reservedNames } from '../identities/reserved-identity.ts';
import { dropReason, policyReasons } from './drop-reason.ts';
import type { DatapathEvent } from './event.ts';
import { type Flow, type FlowEndpoint, type FlowPolicy, messageTypes, policyMatches, type Verdict } from './flow.ts';
import type { FlowContext, FlowPod, FlowRule } from './flow-context.ts';
import { layer4 } from './layer4.ts';
import { observationPoints, tracePoints, translationPoints } from './observation-point.ts';
import { timestamp } from './timestamp.ts';

/** The flow that an event tells of, with names for its numbers. */
export function flowOf(event: DatapathEvent, context: FlowContext): Flow {
  const { type, reason, translation, point } = event;
  const { l4, summary } = layer4(event);
  const rule = event.rule === 0 ? null : context.rule(event.rule);
  return {
    time: timestamp(event.timeNanoseconds + context.clockOffsetNanoseconds),
    uuid: context.newUuid(),
    verdict: verdictOf(event),
    drop_reason_desc: reason === 0 ? null : dropReason(reason).name,
    IP: {
      source: event.source === '::' ? null : event.source,
      destination: event.destination,
      ipVersion: event.destination.includes(':') ? 'IPv6' : 'IPv4',
    },
    l4,
    ...endpoints(event, context),
    Type: translation === null ? 'L3_L4' : 'SOCK',
    node_name: context.nodeName,
    event_type: { type: messageTypes[type], sub_type: subType(event) },
    ...services(event, context),
    traffic_direction: connectionDirection(event),
    policy_match_type: type === 'policy-verdict' ? policyMatch(event, rule) : null,
    trace_observation_point: type === 'flow' && isIn(tracePoints, point) ? tracePoints[point] : null,
    is_reply: isReply(event),
    sock_xlate_point: translation !== null && isIn(translationPoints, point) ? translationPoints[point] : null,
    socket_cookie: translation?.socketCookie.toString() ?? null,
    ...deciders(event, rule),
    Summary: summary,
  };
}

function verdictOf({ type, reason, point }: DatapathEvent): Verdict {
  if (type === 'translation') return point === 'pre-xlate-fwd' ? 'TRACED' : 'TRANSLATED';
  return type === 'drop' || reason !== 0 ? 'DROPPED' : 'FORWARDED';
}

/**
 * Of a packet that is dropped, or denied, nobody need have looked what it belongs to: Hubble does not say either. A
 * socket's address is no packet.
 */
function isReply({ type, reason, isReply }: DatapathEvent): boolean | null {
  return type === 'drop' || type === 'translation' || reason !== 0 ? null : isReply;
}

function connectionDirection(event: DatapathEvent): 'INGRESS' | 'EGRESS' {
  return isReply(event) ? policedDirection(event) : event.direction;
}

/** That of the packet which opened the connection: policy is always asked about that one. */
function policedDirection({ direction, isReply }: DatapathEvent): 'INGRESS' | 'EGRESS' {
  return (direction === 'EGRESS') === isReply ? 'INGRESS' : 'EGRESS';
}

function subType({ type, reason, point }: DatapathEvent): number {
  switch (type) {
    case 'drop':
      return reason;
    case 'policy-verdict':
      return 0;
    default:
      return observationPoints[point];
  }
}

function endpoints(event: DatapathEvent, context: FlowContext): { source: FlowEndpoint; destination: FlowEndpoint } {
  const { translation, direction } = event;
  const source = translation === null ? context.pod(event.source) : context.socketPod(translation.socketCookie);
  const destination = context.pod(event.destination);
  const isSource = direction === 'EGRESS';
  return {
    source: endpoint(source, event.sourceIdentity, isSource ? event.endpoint : 0, context),
    destination: endpoint(destination, event.destinationIdentity, isSource ? 0 : event.endpoint, context),
  };
}

/** `known` is the identity and `id` the endpoint that the event itself names; 0: it does not. */
function endpoint(pod: FlowPod | null, known: number, id: number, context: FlowContext): FlowEndpoint {
  const identity = known || (pod?.identity ?? 0);
  return {
    ID: id || (pod?.endpoint ?? null),
    identity,
    namespace: pod?.namespace ?? null,
    labels: pod?.labels ?? labels(identity, context),
    pod_name: pod?.name ?? null,
    workloads: pod === null ? [] : [pod.workload],
  };
}

function labels(identity: number, context: FlowContext): readonly string[] {
  const reserved = reservedNames.get(identity);
  return reserved === undefined ? context.identityLabels(identity) : [reservedLabel(reserved)];
}

function services(event: DatapathEvent, context: FlowContext): Pick<Flow, 'source_service' | 'destination_service'> {
  if (event.translation !== null) {
    const { service, servicePort } = event.translation;
    return { source_service: null, destination_service: context.service(service, servicePort) };
  }
  return {
    source_service: context.service(event.source, event.sourcePort),
    destination_service: context.service(event.destination, event.destinationPort),
  };
}

/** Without a rule it is the default that decided: it matches nothing when it denies, everything when it allows. */
function policyMatch(event: DatapathEvent, rule: FlowRule | null): number | null {
  if (event.rule === 0) return policyMatches.indexOf(event.reason === 0 ? 'all' : 'none');
  return rule === null ? null : policyMatches.indexOf(rule.match);
}

function deciders(
  event: DatapathEvent,
  rule: FlowRule | null,
): Pick<Flow, 'egress_allowed_by' | 'ingress_allowed_by' | 'egress_denied_by' | 'ingress_denied_by'> {
  const isEgress = policedDirection(event) === 'EGRESS';
  const policies: readonly FlowPolicy[] =
    rule === null ? [] : [{ kind: rule.kind, namespace: rule.namespace, name: rule.name }];
  const allowed = event.reason === 0 ? policies : [];
  const denied = policyReasons.has(event.reason) ? policies : [];
  return {
    egress_allowed_by: isEgress ? allowed : [],
    ingress_allowed_by: isEgress ? [] : allowed,
    egress_denied_by: isEgress ? denied : [],
    ingress_denied_by: isEgress ? [] : denied,
  };
}

function isIn<Names extends object>(names: Names, name: PropertyKey): name is keyof Names {
  return Object.hasOwn(names, name);
}
