import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { FlowBuffer, FlowRecord } from './flow-buffer.ts';
import { flowFilter } from './flow-filter.ts';
import type { FlowParameters } from './flow-parameters.ts';

/**
 * A line of a stream of flows. The first says whose numbers follow, and after which. A sequence alone says that up to it
 * there was nothing more to tell, and that the agent is there.
 */
export type FlowStreamLine =
  | { agent: string; sequence: number }
  | FlowRecord
  | { sequence: number }
  /** Overwritten before anybody could make flows of them. */
  | { lostEvents: number };

export type FlowStreamSources = {
  flows: FlowBuffer;
  /** Of this process alone: numbers of flows begin anew with each. */
  agent: string;
  /** Events that were lost since the node is up. */
  lostEvents: () => number;
};

/** Between two signs of life, which also tell of lost events. */
export const streamBeatMs = 1000;

/**
 * Answers with flows, a line of JSON each, for as long as they are asked for. Who reads slowly costs nothing: what was
 * overwritten meanwhile is told as lost.
 * @throws LabError LAB_FLOW_FILTER before anything is written.
 */
export async function streamFlows(
  response: ServerResponse,
  { filter, last, follow, after }: FlowParameters,
  { flows, agent, lostEvents }: FlowStreamSources,
): Promise<void> {
  const matches = flowFilter(filter);
  const isAsked = (record: FlowRecord): boolean => 'lost' in record || matches(record.flow);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const write = async (line: FlowStreamLine): Promise<void> => {
    if (gone.signal.aborted || response.write(`${JSON.stringify(line)}\n`)) return;
    await once(response, 'drain', { signal: gone.signal }).catch(() => undefined);
  };

  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const place = flows.latest;
  // What another agent had told is told: all that this one has seen is new.
  const since = after === null ? null : after.agent === agent ? after.sequence : 0;
  const past = since === null ? lastOf(flows, isAsked, last) : flows.since(since).filter(isAsked);
  await write({ agent, sequence: since ?? place });
  for (const record of past) await write(record);
  if (follow) await followFlows(place);
  response.end();

  async function followFlows(start: number): Promise<void> {
    let sequence = start;
    let lostBefore = lostEvents();
    const beat = setInterval(() => {
      if (response.writableNeedDrain) return;
      const lost = lostEvents();
      if (lost > lostBefore) response.write(`${JSON.stringify({ lostEvents: lost - lostBefore })}\n`);
      lostBefore = lost;
      response.write(`${JSON.stringify({ sequence })}\n`);
    }, streamBeatMs);
    try {
      for await (const record of flows.follow({ signal: gone.signal, since: start })) {
        if (isAsked(record)) await write(record);
        if ('sequence' in record) sequence = record.sequence;
      }
    } finally {
      clearInterval(beat);
    }
  }
}

/** The last of those that are asked for. What was overwritten long ago has not been lost to who asks now. */
function lastOf(flows: FlowBuffer, isAsked: (record: FlowRecord) => boolean, count: number): FlowRecord[] {
  if (count === 0) return [];
  return flows
    .last(flows.latest)
    .filter((record) => 'flow' in record && isAsked(record))
    .slice(-count);
}
