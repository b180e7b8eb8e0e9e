import type { LoadResult, Traffic } from '../../results/block.ts';
import { histogramOf } from '../../results/histogram.ts';
import type { Work } from '../../results/measurement.ts';
import type { Sent, Window } from './driver.ts';

/** Closed loops: on each connection a request follows the answer to the one before. */
export type LoopLoad = {
  url: string;
  connections: number;
  /** Threads of a generator that has them. */
  workers: number;
  /** A connection for each request, which the server closes. */
  reconnect: boolean;
  warmupSeconds: number;
  durationSeconds: number;
  timeoutSeconds: number;
};

/** What was answered within the window; `totals` are exact, with warm-up and last answers. */
export type LoopResult = {
  windowSeconds: number;
  requests: number;
  bytesReceived: number;
  errors: { count: number; kinds: Record<string, number> };
  totals: Traffic;
};

export type SentBlock = LoadResult & Pick<Sent, 'arrived'>;

/** Closed loops as a block records them. */
export function closedLoopResult(
  connections: number,
  { windowSeconds, requests, bytesReceived, errors, totals }: LoopResult,
): SentBlock {
  return {
    requestedRate: null,
    windowSeconds,
    connections,
    counts: { requests, bytes: bytesReceived },
    durations: {},
    errors: { ...errors, latency: histogramOf([]) },
    arrivals: null,
    totals: { ...totals, reconnects: 0 },
    besides: null,
    doubledRate: null,
    arrived: {},
  };
}

/**
 * Sends a block, and right after it one with twice the connections: where that does more, the generator was the limit. Only
 * the first one's window is told of and recorded; what the second has sent is in the totals.
 */
export async function withDoubled(
  send: (factor: number, window: Window) => Promise<SentBlock>,
  window: Window,
  work: Work,
): Promise<SentBlock> {
  const block = await send(1, window);
  const doubled = await send(2, { onBegin: () => undefined, onEnd: () => undefined });
  return {
    ...block,
    doubledRate: (doubled.counts[work] ?? 0) / doubled.windowSeconds,
    totals: { ...sum(block.totals, doubled.totals), reconnects: block.totals.reconnects + doubled.totals.reconnects },
    besides: block.besides === null || doubled.besides === null ? null : sum(block.besides, doubled.besides),
    arrived: sumOfAll(block.arrived, doubled.arrived),
  };
}

function sum(one: Traffic, other: Traffic): Traffic {
  return {
    requests: one.requests + other.requests,
    connections: one.connections + other.connections,
    bytesSent: one.bytesSent + other.bytesSent,
    bytesReceived: one.bytesReceived + other.bytesReceived,
  };
}

function sumOfAll(one: Record<string, number>, other: Record<string, number>): Record<string, number> {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries([...names].map((name) => [name, (one[name] ?? 0) + (other[name] ?? 0)]));
}
