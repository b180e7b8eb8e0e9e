import { type Addresses, isItself, seenFrom, startOf, type Way, wayOf } from './connection-ends.ts';
import { type Probe, type Probed, probe } from './peer.ts';
import { type Attempt, isOutside, readTraffic, type Source } from './row.ts';

/** Seconds that are enough for an answer on a busy machine, and for the second try of what was lost. */
const answerSeconds = 4;
/** What is allowed has always been answered by then. */
const silenceSeconds = 0.4;

/** An attempt that has ended, and what its client saw. */
export type Ended = { attempt: Attempt; way: Way; probed: Probed };

/** Makes all of them at once. `socketOf` is by which a source takes orders. */
export async function makeAttempts(
  attempts: readonly Attempt[],
  addresses: Addresses,
  socketOf: (source: Source) => string,
): Promise<Ended[]> {
  const bySource = Map.groupBy(attempts, ({ from }) => from);
  const ended = [...bySource].map(async ([source, own]) => {
    const ways = own.map((attempt) => wayOf(attempt, addresses));
    const probed = await probe(
      socketOf(source),
      own.map((attempt, index) => probeOf(attempt, ways[index] as Way, addresses)),
    );
    return own.map((attempt, index) => ({ attempt, way: ways[index] as Way, probed: probed[index] as Probed }));
  });
  return (await Promise.all(ended)).flat();
}

/** What of it the client should have seen otherwise; null where nothing. */
export function disagreement({ attempt, way, probed }: Ended, addresses: Addresses): string | null {
  const expected = isAnswered(attempt) ? attempt.outcome : 'silent';
  if (probed.end !== expected) return `should be ${expected} (${attempt.outcome}) and is ${probed.end}`;
  const [end] = way.ends;
  if (end === undefined || expected !== 'reached' || isItself(attempt.to)) return null;
  const client = seenFrom(attempt, startOf(attempt.from, addresses, end), addresses);
  return client === null || client === probed.seen ? null : `should be seen from ${client} and is from ${probed.seen}`;
}

export function describe({ from, to, traffic }: Attempt): string {
  return `${from} to ${to} ${traffic}`;
}

function probeOf(attempt: Attempt, { address, port, greets, ends }: Way, addresses: Addresses): Probe {
  const { protocol, size } = readTraffic(attempt.traffic);
  const [end] = ends;
  const source = isOutside(attempt.from) && end !== undefined ? startOf(attempt.from, addresses, end).address : null;
  return {
    protocol,
    address,
    port,
    size,
    greets,
    source,
    patience: isAnswered(attempt) ? answerSeconds : silenceSeconds,
  };
}

function isAnswered({ outcome }: Attempt): boolean {
  return outcome === 'reached' || outcome === 'refused';
}
