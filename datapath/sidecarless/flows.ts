import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from '../../clusters/cluster.ts';
import { LabError } from '../../clusters/error.ts';
import type { DataPlaneContext } from '../data-plane.ts';
import type { FlowLine, FlowQuery } from '../flow-query.ts';
import { streamFromAgent } from './agent-client.ts';
import { flowFilter } from './flow/flow-filter.ts';
import { flowLine, lostLine } from './flow/flow-line.ts';
import { type FlowParameters, writeFlowParameters } from './flow/flow-parameters.ts';
import type { FlowStreamLine } from './flow/flow-stream.ts';

/** Between two attempts to reach an agent that is gone. */
const pauseMs = 500;
/** How long the API server may be away, which is the way to all agents. */
const patienceMs = 15_000;

/**
 * Tells of the flows that the agents of a pool's nodes have seen.
 * @throws LabError LAB_FLOW_FILTER where the filter can match nothing, LAB_AGENT_UNREACHABLE where no agent answers.
 */
export async function sidecarlessFlows(
  context: DataPlaneContext,
  pool: Pool,
  query: FlowQuery,
  tell: (line: FlowLine) => void,
): Promise<void> {
  flowFilter(query.filter);
  if (query.follow) {
    await Promise.all(pool.nodes.map((node) => followNode(context, { pool, node, query, tell })));
    return;
  }
  const told = await Promise.allSettled(
    pool.nodes.map((node) => readNode(context, { pool, node, query, tell }, { after: null })),
  );
  const failures = told.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []));
  context.signal.throwIfAborted();
  if (failures.length === pool.nodes.length) throw failures[0];
  for (const { message } of failures) tell({ kind: 'notice', text: message });
}

type NodeQuery = { pool: Pool; node: string; query: FlowQuery; tell: (line: FlowLine) => void };
type Place = FlowParameters['after'];

/**
 * Until the signal aborts, whatever becomes of the agent: it goes on where it was.
 * @throws LabError LAB_API_GONE where the API server, which is asked for the agent, does not come back.
 */
async function followNode(context: DataPlaneContext, nodeQuery: NodeQuery): Promise<void> {
  const { signal } = context;
  const { node, tell } = nodeQuery;
  const place: { after: Place } = { after: null };
  let isLost = false;
  let aloneSince: number | null = null;
  const found = (): void => {
    if (isLost) tell({ kind: 'notice', text: `${node}: its agent answers again` });
    isLost = false;
  };
  while (!signal.aborted) {
    const error = await readNode(context, nodeQuery, place, found).then(
      () => null,
      (reason: Error) => reason,
    );
    if (signal.aborted) return;
    const isAlone = error?.message === 'fetch failed';
    aloneSince = isAlone ? (aloneSince ?? Date.now()) : null;
    if (aloneSince !== null && Date.now() - aloneSince > patienceMs) {
      throw new LabError('LAB_API_GONE', {
        message: `The API server has not answered for ${patienceMs / 1000} s`,
        remedy: '`lab status` says whether the cluster is up.',
        cause: error,
      });
    }
    if (!isLost) tell({ kind: 'notice', text: `${node}: ${reasonOf(error)}; waiting for it to come back` });
    isLost = true;
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

/** An answer that breaks off says nothing of its own but that. */
function reasonOf(error: Error | null): string {
  if (error === null || error.message === 'terminated') return 'its agent has ended';
  return error.message === 'fetch failed' ? 'the API server does not answer' : error.message;
}

/** Tells what an agent answers, and keeps in `place` how far that was. */
async function readNode(
  context: DataPlaneContext,
  { pool, node, query, tell }: NodeQuery,
  place: { after: Place },
  found: () => void = () => undefined,
): Promise<void> {
  const { filter, last, follow } = query;
  const path = `/flows?${writeFlowParameters({ filter, last, follow, after: place.after })}`;
  const lines = streamFromAgent<FlowStreamLine>(context, { namespace: pool.systemNamespace, node, path });
  let agent = '';
  for await (const line of lines) {
    if ('agent' in line) {
      found();
      agent = line.agent;
      place.after = line;
    } else if ('lostEvents' in line) {
      tell(lostLine(node, 'PERF_EVENT_RING_BUFFER', line.lostEvents));
    } else if ('lost' in line) {
      tell(lostLine(node, 'HUBBLE_RING_BUFFER', line.lost));
    } else {
      if ('flow' in line) tell(flowLine(line.flow, query));
      place.after = { agent, sequence: line.sequence };
    }
  }
}
