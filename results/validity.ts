import type { Block } from './block.ts';
import { cpuSecondsPer, doneIn, idleRate } from './cpu.ts';
import type { EvidenceRecord } from './evidence-record.ts';
import { formatDuration } from './format.ts';
import { doubledGain, generatorBoundWarning } from './generator-bound.ts';
import type { Work } from './measurement.ts';
import type { Run } from './run.ts';
import type { TestCase } from './test-case.ts';

/** Dropped and late arrivals, of all scheduled. More, and the load was not the one that was asked for. */
const mostMissedArrivals = 0.001;
/** Failed requests, of all: their latencies are not among the others, which so look better than they are. */
const mostFailed = 0.001;
/** Of the requested rate. */
const leastAchieved = 0.995;
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
  const { blocks, verification, evidence, stopped } = outcome;
  // What made it stop shows in its blocks and counters too; once is enough.
  if (stopped !== null) return [stopped];
  if (blocks.length === 0) return ['No block was measured.'];
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
  { outcome, caveats, measurement }: Pick<TestCase, 'outcome' | 'caveats' | 'measurement'>,
  run: Pick<Run, 'idle' | 'host' | 'options'>,
): string[] {
  if (outcome.state !== 'measured') return [...caveats];
  const { blocks } = outcome;
  const bound = generatorBoundWarning(doubledGain(blocks, measurement, run.options.seed));
  return [
    ...caveats,
    ...(bound === null ? [] : [bound]),
    ...stolenWarnings(blocks, run.host.cores),
    ...balanceWarnings(blocks, measurement.work, run),
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
  const idle = idleRate(run);
  const whole = cpuSecondsPer(work, blocks, null, idle).value;
  const leftOver = cpuSecondsPer(work, blocks, 'kernel', idle).value;
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
