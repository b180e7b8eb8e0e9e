import type { FlowLine } from '../../flow-query.ts';
import { formatCompact } from './compact.ts';
import { Flow } from './flow.ts';
import { timestamp } from './timestamp.ts';

/** Where what is lost was lost, by Hubble's names: before it was read from the kernel, or before it was told. */
export type LossSource = 'PERF_EVENT_RING_BUFFER' | 'HUBBLE_RING_BUFFER';

/**
 * A flow as Hubble prints it: compact, or as its API's answer in JSON, where what is not set is left out.
 * @throws ZodError where it is none.
 */
export function flowLine(given: unknown, { colour, nodeNames }: { colour: boolean; nodeNames: boolean }): FlowLine {
  const flow = Flow.parse(given);
  const set = withoutUnset(flow);
  return {
    kind: 'flow',
    time: flow.time,
    text: formatCompact(flow, { colour, node: nodeNames }),
    json: { flow: set, node_name: flow.node_name, time: flow.time },
  };
}

/** As of now: nobody knows when it was. */
export function lostLine(node: string, source: LossSource, count: number): FlowLine {
  const time = timestamp(BigInt(Date.now()) * 1_000_000n);
  return {
    kind: 'lost',
    time,
    text: `EVENTS LOST: ${source} NODE(${node}) ${count}`,
    json: { lost_events: { source, num_events_lost: String(count) }, node_name: node, time },
  };
}

/** Undefined for null and for empty lists, of which protobuf's JSON says nothing either. */
function withoutUnset(value: unknown): unknown {
  if (value === null || (Array.isArray(value) && value.length === 0)) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => {
      const set = withoutUnset(inner);
      return set === undefined ? [] : [[name, set]];
    }),
  );
}
