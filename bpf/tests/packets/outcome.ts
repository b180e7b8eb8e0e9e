import assert from 'node:assert/strict';
import { type Direction, numbers, type Reason } from '../../../datapath/sidecarless/abi/numbers.ts';
import { verdicts } from './run.ts';
import type { Outcome } from './world.ts';

/** At whose borders a packet was let through, in order; without `told` no event tells of it, as of ICMP errors. */
type Forwarded = { borders: readonly Direction[]; told?: boolean };

/** That a packet was sent on past the node's stack: by verdict, by counters and by events. */
export function assertRedirected(outcome: Outcome, forwarded: Forwarded): void {
  assertPassed(outcome, verdicts.redirect, forwarded);
}

/** That a packet was left to the node's stack, or let into the pod by it. */
export function assertPassedOn(outcome: Outcome, forwarded: Forwarded): void {
  assertPassed(outcome, verdicts.ok, forwarded);
}

/** That a program took no notice of a frame, and left it as it is. */
export function assertIgnored(outcome: Outcome, frame: Uint8Array): void {
  assertPassed(outcome, verdicts.ok, { borders: [] });
  assert.deepEqual(outcome.frame, frame);
}

/**
 * That a packet was dropped at a border, maybe after it had passed another: by verdict, by counters, and by an event, but
 * where the packet is nobody's.
 */
export function assertDropped(
  outcome: Outcome,
  reason: Reason,
  direction: Direction,
  { passed = [], isSeen = true }: { passed?: readonly Direction[]; isSeen?: boolean } = {},
): void {
  const counted = [...passed.map((border) => `FORWARDED/${border}`), `${reason}/${direction}`];
  assert.deepEqual([outcome.verdict, ...outcome.counted.keys()], [verdicts.drop, ...counted]);
  assertOneEach(outcome);
  const drops = outcome.events.filter(({ type }) => type === 'drop');
  const expected = { reason: numbers.drop_reason[reason], direction, lengthBytes: outcome.lengthBytes };
  assert.deepEqual(
    drops.map((event) => ({ reason: event.reason, direction: event.direction, lengthBytes: event.lengthBytes })),
    isSeen ? [expected] : [],
  );
  if (isSeen) assert.equal(outcome.events.at(-1), drops[0]);
}

function assertPassed(outcome: Outcome, verdict: number, { borders, told = true }: Forwarded): void {
  const counted = borders.map((border) => `FORWARDED/${border}`).sort(byDirection);
  assert.deepEqual([outcome.verdict, ...outcome.counted.keys()], [verdict, ...counted]);
  assertOneEach(outcome);
  assert.deepEqual(
    outcome.events.filter(({ type }) => type === 'flow').map(({ direction }) => direction),
    told ? borders : [],
  );
  assert.deepEqual(
    outcome.events.filter(({ type }) => type === 'drop'),
    [],
  );
}

function assertOneEach({ counted, lengthBytes }: Outcome): void {
  for (const [name, { packets, bytes }] of counted) {
    assert.deepEqual({ packets, bytes }, { packets: 1, bytes: lengthBytes }, name);
  }
}

/** As counters are read: INGRESS is 0. */
function byDirection(one: string, other: string): number {
  return Number(one.endsWith('/EGRESS')) - Number(other.endsWith('/EGRESS'));
}
