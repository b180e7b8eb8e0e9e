import type { Block } from './block.ts';
import { cpuSecondsPer, doneIn, idleBeside, idleRate } from './cpu.ts';
import { durationAt } from './duration.ts';
import type { EvidenceRecord } from './evidence-record.ts';
import { formatDuration } from './format.ts';
import { generatorBoundWarning } from './generator-bound.ts';
import { leftOverWarnings } from './left-over.ts';
import type { Work } from './measurement.ts';
import type { Run } from './run.ts';
import { soundBlocks, spoiledBlocks } from './sound-blocks.ts';
import { lostPassWarnings } from './spoiled.ts';
import type { TestCase } from './test-case.ts';

/** Dropped and late arrivals, of all scheduled. More, and the load was not the one that was asked for. */
const mostMissedArrivals = 0.001;
/** Failed requests, of all: their latencies are not among the others, which so look better than they are. */
const mostFailed = 0.001;
/** Of the requested rate. */
const leastAchieved = 0.995;
/** Lateness of the generator, as a share of the same quantile of what a client sees. */
const mostLateness = 0.1;
/** Of the machine's CPU time, taken by its hypervisor. */
const mostStolen = 0.02;
/** What the pods used beyond what the machine did, of what they used. */
const mostOverdrawn = 0.2;

/**
 * Why the numbers of a test case must not be used: sentences for people, none where they may.
 * The limits hold for all blocks together, as the values do.
 */
export function invalidReasons({
  outcome,
  encryption,
  measurement,
}: Pick<TestCase, 'outcome' | 'encryption' | 'measurement'>): string[] {
  if (outcome.state !== 'measured') return [outcome.reason];
  const { verification, evidence, stopped } = outcome;
  const blocks = soundBlocks(outcome);
  // What made it stop shows in its blocks and counters too; once is enough.
  if (stopped !== null) return [stopped];
  if (blocks.length === 0) {
    const [spoiled] = spoiledBlocks(outcome);
    return [
      spoiled === undefined
        ? 'No block was measured.'
        : `The machine spoiled every block. The first: ${spoiled.spoiled}`,
    ];
  }
  const { before, after } = verification;
  return [
    ...evidenceReasons(before, 'In verification: '),
    ...(after === null
      ? ['The run ended before the path was verified once more, so nothing proves that it held to the last block.']
      : evidenceReasons(after, 'In verification after the last block: ')),
    ...evidenceReasons(evidence, ''),
    ...encryptionReasons(encryption, after === null ? [before] : [before, after]),
    ...arrivalReasons(blocks),
    ...failureReasons(blocks, measurement.work),
    ...rateReasons(blocks),
  ];
}

/**
 * What a reader should know about a test case though it is valid. Stolen CPU time is here: interleaving spreads it over
 * all data planes, and what it does not spread makes the intervals wider, so it costs precision and not honesty. On
 * shared machines an invalid mark would hit nearly every run.
 */
export function warnings(
  { outcome, measurement }: Pick<TestCase, 'outcome' | 'measurement'>,
  run: Pick<Run, 'idle' | 'host' | 'options'>,
): string[] {
  if (outcome.state !== 'measured') return [];
  const blocks = soundBlocks(outcome);
  const bound = generatorBoundWarning(blocks, measurement);
  return [
    ...(bound === null ? [] : [bound]),
    ...lostPassWarnings(outcome, run),
    ...latenessWarnings(blocks),
    ...stolenWarnings(blocks, run.host.cores),
    ...leftOverWarnings(blocks, run),
    ...balanceWarnings(blocks, measurement.work, run),
  ];
}

/** A generator that is late makes all data planes slower by the same, and so more alike. */
function latenessWarnings(blocks: readonly Block[]): string[] {
  const shares = [0.5, 0.9, 0.99].flatMap((q) => {
    const [late, seen] = [durationAt(blocks, 'lateness', q).value, durationAt(blocks, 'request', q).value];
    return late === null || seen === null || late <= mostLateness * seen
      ? []
      : [`${percent(late / seen)} of the p${q * 100}`];
  });
  if (shares.length === 0) return [];
  return [
    `The generator's own lateness is as large as ${shares.join(', ')} that a client sees (more than ${percent(mostLateness)}): it makes ratios smaller.`,
  ];
}

function stolenWarnings(blocks: readonly Block[], cores: number): string[] {
  const stolen = total(blocks, ({ cpu }) => cpu.stealSeconds);
  const offered = total(blocks, ({ cpu }) => cpu.seconds) * cores;
  if (!(stolen > mostStolen * offered)) return [];
  return [
    `The hypervisor took ${percent(stolen / offered)} of the machine's CPU time (more than ${percent(mostStolen)}): expect wide intervals.`,
  ];
}

/** The machine's time beyond an idle cluster is hardly less than the pods', unless it was not the cluster that idled. */
function balanceWarnings(blocks: readonly Block[], work: Work, run: Pick<Run, 'idle'>): string[] {
  const idle = idleRate(idleBeside(run, blocks));
  const whole = cpuSecondsPer(work, blocks, null, idle).value;
  const leftOver = cpuSecondsPer(work, blocks, 'other', idle).value;
  if (whole === null || leftOver === null || leftOver >= -mostOverdrawn * (whole - leftOver)) return [];
  return [
    `CPU per ${unitOf[work]} does not add up: the pods used ${formatDuration(whole - leftOver)} and the machine beyond idle ${formatDuration(whole)}. Something else kept it busy while the cluster idled.`,
  ];
}

const unitOf: Record<Work, string> = { requests: 'request', connections: 'connection', bytes: 'byte' };

const nothingDone: Record<Work, string> = {
  requests: 'No request was answered.',
  connections: 'No connection was answered.',
  bytes: 'No byte was received.',
};

function evidenceReasons({ valid, reasons }: EvidenceRecord, when: string): string[] {
  return valid ? [] : reasons.map((reason) => `${when}${reason}`);
}

function encryptionReasons(encryption: TestCase['encryption'], records: readonly EvidenceRecord[]): string[] {
  if (encryption === 'none') return [];
  // Evidence that is not valid has said what it lacks.
  const lacks = (expected: 'plaintext' | 'ciphertext') =>
    records.some(({ valid, captures }) => valid && !captures.some((capture) => capture.expected === expected));
  return [
    ...(lacks('ciphertext') ? [`No capture shows that the traffic was encrypted (${encryption}).`] : []),
    ...(lacks('plaintext') ? ['No capture with encryption off shows that plaintext would have been noticed.'] : []),
  ];
}

function arrivalReasons(blocks: readonly Block[]): string[] {
  const scheduled = total(blocks, ({ arrivals }) => arrivals?.scheduled ?? 0);
  const dropped = total(blocks, ({ arrivals }) => arrivals?.dropped ?? 0);
  const late = total(blocks, ({ arrivals }) => arrivals?.late ?? 0);
  if (!(dropped + late > mostMissedArrivals * scheduled)) return [];
  return [
    `The generator did not keep its timetable: of ${scheduled} scheduled arrivals ${dropped} were dropped and ${late} late, ${percent((dropped + late) / scheduled)} (at most ${percent(mostMissedArrivals)}).`,
  ];
}

function failureReasons(blocks: readonly Block[], work: Work): string[] {
  const failed = total(blocks, ({ errors }) => errors.count);
  const requests = failed + doneIn(blocks, 'requests');
  if (requests === 0) return doneIn(blocks, work) > 0 ? [] : [nothingDone[work]];
  if (!(failed > mostFailed * requests)) return [];
  return [
    `Of ${requests} requests ${failed} failed (${kindsOf(blocks)}), ${percent(failed / requests)} (at most ${percent(mostFailed)}).`,
  ];
}

function kindsOf(blocks: readonly Block[]): string {
  const kinds = new Map<string, number>();
  for (const { errors } of blocks) {
    for (const [kind, count] of Object.entries(errors.kinds)) kinds.set(kind, (kinds.get(kind) ?? 0) + count);
  }
  const seen = [...kinds].filter(([, count]) => count > 0);
  return seen.length === 0 ? 'of no known kind' : seen.map(([kind, count]) => `${kind} ${count}`).join(', ');
}

function rateReasons(blocks: readonly Block[]): string[] {
  const openLoop = blocks.filter(({ requestedRate }) => requestedRate !== null);
  const seconds = total(openLoop, ({ windowSeconds }) => windowSeconds);
  if (seconds === 0) return [];
  const requested = total(openLoop, (block) => (block.requestedRate ?? 0) * block.windowSeconds) / seconds;
  const achieved = doneIn(openLoop, 'requests') / seconds;
  if (!(achieved < leastAchieved * requested)) return [];
  return [
    `${requested.toFixed(2)} requests/s were asked for and ${achieved.toFixed(2)} achieved, ${percent(achieved / requested)} (at least ${percent(leastAchieved)}).`,
  ];
}

function total(blocks: readonly Block[], of: (block: Block) => number): number {
  return blocks.reduce((sum, block) => sum + of(block), 0);
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(4))} %`;
}
