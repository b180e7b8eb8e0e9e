import { Counter, type Registry } from 'prom-client';
import { numbers } from '../abi/numbers.ts';
import { type Flow, messageTypes, policyMatches, protocolOf } from './flow.ts';
import { pointNames } from './observation-point.ts';

export type FlowMetrics = {
  /** So many events that are alike in all that is counted. */
  observe(flow: Flow, count?: number): void;
  /** Events that never became flows, because the kernel's ring buffer was full. */
  lost(count: number): void;
};

/**
 * Counters of flows under Hubble's names and with its labels. Drops and TCP flags are counted by what happened to
 * packets; that policy had been asked about one of them first is no second drop and no second SYN. As in Hubble, policy
 * verdicts about what the node itself sends, and about health checks, are left out.
 */
export function flowMetrics(registry: Registry): FlowMetrics {
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name: `hubble_${name}`, help, labelNames, registers: [registry] });
  const flows = counter('flows_processed_total', 'Flows processed', ['protocol', 'type', 'subtype', 'verdict']);
  const drops = counter('drop_total', 'Packets dropped, as far as events tell', ['reason', 'protocol']);
  const tcpFlags = counter('tcp_flags_total', 'TCP flags in forwarded packets, as far as events tell', [
    'flag',
    'family',
  ]);
  const policyVerdicts = counter('policy_verdicts_total', 'Decisions of network policy', [
    'direction',
    'match',
    'action',
  ]);
  const lostEvents = counter('lost_events_total', 'Events lost', ['source']);
  return {
    observe(flow, count = 1) {
      const protocol = protocolOf(flow);
      const { verdict, event_type } = flow;
      flows.inc({ protocol, ...typeOf(flow), verdict }, count);
      switch (event_type.type) {
        case messageTypes.drop:
          drops.inc({ reason: flow.drop_reason_desc ?? 'unknown', protocol }, count);
          return;
        case messageTypes.flow:
          for (const flag of flagsOf(flow)) tcpFlags.inc({ flag, family: flow.IP.ipVersion }, count);
          return;
        case messageTypes['policy-verdict']:
          if (isOfNode(flow)) return;
          policyVerdicts.inc(
            {
              direction: flow.traffic_direction.toLowerCase(),
              match: policyMatches[flow.policy_match_type ?? -1]?.toLowerCase() ?? 'unknown',
              action: verdict.toLowerCase(),
            },
            count,
          );
      }
    },
    lost: (count) => lostEvents.inc({ source: 'perf_event_ring_buffer' }, count),
  };
}

function typeOf({ event_type: { type, sub_type } }: Flow): { type: string; subtype: string } {
  switch (type) {
    case messageTypes.drop:
      return { type: 'Drop', subtype: '' };
    case messageTypes['policy-verdict']:
      return { type: 'PolicyVerdict', subtype: '' };
    case messageTypes.flow:
      return { type: 'Trace', subtype: pointNames.get(sub_type) ?? '' };
    case messageTypes.translation:
      return { type: 'TraceSock', subtype: pointNames.get(sub_type) ?? '' };
  }
}

/** Those that open and end connections. */
function flagsOf({ l4 }: Flow): string[] {
  const flags = l4 !== null && 'TCP' in l4 ? l4.TCP.flags : null;
  if (flags === null) return [];
  return [
    ...(flags.FIN ? ['FIN'] : []),
    ...(flags.SYN ? [flags.ACK ? 'SYN-ACK' : 'SYN'] : []),
    ...(flags.RST ? ['RST'] : []),
  ];
}

function isOfNode({ source, destination }: Flow): boolean {
  const { IDENTITY_HOST, IDENTITY_HEALTH } = numbers.identity;
  return (
    source.identity === IDENTITY_HOST || source.identity === IDENTITY_HEALTH || destination.identity === IDENTITY_HEALTH
  );
}
