import type { Block, Traffic } from '../../results/block.ts';
import {
  type EvidenceCheck,
  type EvidenceRecord,
  evidenceRecord,
  type Verification,
} from '../../results/evidence-record.ts';
import { type Figure, figure } from '../../results/figure.ts';
import type { Run, Stage } from '../../results/run.ts';
import { podRoles, type Role } from '../../results/vocabulary.ts';
import type { Sent } from '../load/driver.ts';
import { addedGrowth, type Growth, numbersOf } from './growth.ts';
import type { MeasuredBlock } from './measure.ts';
import { arrivedGrowth, checkPath } from './path-evidence.ts';
import type { PlannedCase } from './plan.ts';
import type { WindowReading } from './window.ts';

/** Collects what a run finds out, in the form in which it is recorded. */
export class Recorder {
  readonly #cases: readonly PlannedCase[];
  readonly #order: string[][] = [];
  readonly #stages: Stage[] = [];
  readonly #idleWindows: Run['idle'] = [];
  readonly #verifications = new Map<string, Verification>();
  readonly #blocks = new Map<string, Block[]>();
  readonly #paths = new Map<string, PathTaken>();
  /** Why test cases were not measured, or not to the end. */
  readonly #stops = new Map<string, string>();

  constructor(cases: readonly PlannedCase[]) {
    this.#cases = cases;
  }

  measuredAnything(): boolean {
    return this.#blocks.size > 0;
  }

  /** Whether every hop of a test case was proven before the blocks. One that was not is not worth measuring. */
  proven(id: string): boolean {
    const before = this.#verifications.get(id)?.before;
    if (before?.valid === true) return true;
    this.stopped(id, `It was not measured, because its path was not proven. ${before?.reasons.join(' ') ?? ''}`.trim());
    return false;
  }

  /** Gives a test case up: it has no more blocks. What was measured of it is kept, as invalid for that reason. */
  stopped(id: string, reason: string): void {
    this.#stops.set(id, reason);
  }

  isStopped(id: string): boolean {
    return this.#stops.has(id);
  }

  /** What the cluster holds from now on. */
  stageBegins(stage: Stage): void {
    this.#stages.push(stage);
  }

  /** @returns the number of the pass: they count from 0, over all stages. */
  passBegins(turns: string[]): number {
    return this.#order.push(turns) - 1;
  }

  /** A turn of that pass that was not planned. */
  turnAgain(pass: number, turn: string): void {
    this.#order[pass]?.push(turn);
  }

  idled(pass: number, { seconds, cpu }: WindowReading, spoiled: string | null): void {
    this.#idleWindows.push({ pass, seconds, busyCpuSeconds: cpu.busySeconds, foreignCpuSeconds: cpu.foreign, spoiled });
  }

  /** The first time is before the blocks, the second after them. */
  verified(id: string, record: EvidenceRecord): void {
    const earlier = this.#verifications.get(id);
    this.#verifications.set(
      id,
      earlier === undefined ? { before: record, after: null } : { ...earlier, after: record },
    );
  }

  /** `spoiled` is why the machine spoiled it: what its counters say of the path counts all the same. */
  measured(id: string, pass: number, { window, result, path }: MeasuredBlock, spoiled: string | null): void {
    const { beganAt, seconds, cpu, disturbance, memoryBytes } = window;
    const byRole = (values: Partial<Record<Role, Figure>>) =>
      Object.fromEntries(podRoles.map((role) => [role, values[role] ?? figure(0)])) as Block['cpu']['roles'];
    this.#blocks.set(id, [
      ...(this.#blocks.get(id) ?? []),
      {
        ...result,
        pass,
        windowBeganAt: beganAt.toISOString(),
        cpu: { seconds, ...cpu, roles: byRole(cpu.roles), kernelSeconds: byRole(cpu.kernelSeconds) },
        disturbance,
        spoiled,
        growth: numbersOf(path.growth),
        memoryBytes: byRole(memoryBytes),
      },
    ]);
    this.#paths.set(id, addPath(this.#paths.get(id), path, pass));
  }

  record(): Pick<Run, 'order' | 'stages' | 'testCases' | 'idle'> {
    return {
      stages: this.#stages,
      order: this.#order,
      idle: this.#idleWindows,
      testCases: this.#cases.map((planned) => this.#recordCase(planned)),
    };
  }

  #recordCase(planned: PlannedCase): Run['testCases'][number] {
    const { id, dataPlane, testCase, measurement } = planned;
    const { pool, variant, profile, encryption, placement } = testCase;
    return {
      id,
      dataPlane: pool.name,
      dataPlaneId: dataPlane.id,
      variant,
      profile,
      encryption,
      placement,
      measurement,
      caveats: [...dataPlane.caveats(testCase)],
      outcome: this.#outcome(planned),
    };
  }

  #outcome(planned: PlannedCase): Run['testCases'][number]['outcome'] {
    const { id, skipped } = planned;
    const verification = this.#verifications.get(id) ?? null;
    if (skipped !== null) return { state: 'skipped', reason: skipped };
    if (verification === null) {
      return { state: 'failed', reason: 'The run ended before it was verified.', verification };
    }
    const stopped = this.#stops.get(id) ?? null;
    const blocks = this.#blocks.get(id) ?? [];
    if (stopped !== null && blocks.length === 0) return { state: 'failed', reason: stopped, verification };
    return {
      state: 'measured',
      verification,
      evidence: evidenceRecord(pathChecks(planned, this.#paths.get(id)), []),
      blocks,
      stopped,
    };
  }
}

/**
 * The path that all blocks of a test case took together, what the far end counted included, and what did not hold in a single
 * one of them.
 */
type PathTaken = { growth: Growth; sent: Sent; failures: EvidenceCheck[] };

function addPath(sum: PathTaken | undefined, { growth, sent, checks }: MeasuredBlock['path'], pass: number): PathTaken {
  const failures = checks
    .filter(({ held }) => !held)
    .map((check) => ({ ...check, claim: `in block ${pass + 1}, ${check.claim}` }));
  const grown = { ...growth, ...arrivedGrowth(sent) };
  if (sum === undefined) return { growth: grown, sent: { ...sent, arrived: {} }, failures };
  return {
    growth: addedGrowth(sum.growth, grown),
    sent: {
      traffic: added(sum.sent.traffic, sent.traffic),
      besides: sum.sent.besides === null || sent.besides === null ? null : added(sum.sent.besides, sent.besides),
      arrived: {},
    },
    failures: [...sum.failures, ...failures],
  };
}

function pathChecks(planned: PlannedCase, path: PathTaken | undefined): EvidenceCheck[] {
  if (path === undefined) return [];
  const { growth, sent, failures } = path;
  const sums = checkPath(planned, growth, sent);
  return [...sums, ...failures.filter(({ counter }) => sums.every((check) => check.counter !== counter || check.held))];
}

function added(one: Traffic, other: Traffic): Traffic {
  return {
    requests: one.requests + other.requests,
    connections: one.connections + other.connections,
    bytesSent: one.bytesSent + other.bytesSent,
    bytesReceived: one.bytesReceived + other.bytesReceived,
  };
}
