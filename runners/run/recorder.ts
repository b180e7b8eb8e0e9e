import type { Evidence } from '../../datapath/data-plane.ts';
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
import type { MeasuredBlock } from './measure.ts';
import { checkPath } from './path-evidence.ts';
import type { PlannedCase } from './plan.ts';

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

  idled(pass: number, window: { seconds: number; busyCpuSeconds: number }): void {
    this.#idleWindows.push({ pass, ...window });
  }

  /** The first time is before the blocks, the second after them. */
  verified(id: string, record: EvidenceRecord): void {
    const earlier = this.#verifications.get(id);
    this.#verifications.set(
      id,
      earlier === undefined ? { before: record, after: null } : { ...earlier, after: record },
    );
  }

  measured(
    id: string,
    pass: number,
    { windowBeganAt, windowSeconds, result, cpu, memoryBytes, path }: MeasuredBlock,
  ): void {
    const byRole = (values: Partial<Record<Role, Figure>>) =>
      Object.fromEntries(podRoles.map((role) => [role, values[role] ?? figure(0)])) as Block['cpu']['roles'];
    this.#blocks.set(id, [
      ...(this.#blocks.get(id) ?? []),
      {
        ...result,
        pass,
        windowBeganAt: windowBeganAt.toISOString(),
        cpu: {
          seconds: windowSeconds,
          busySeconds: cpu.busySeconds,
          stealSeconds: cpu.stealSeconds,
          roles: byRole(cpu.roleSeconds),
        },
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

/** The path that all blocks of a test case took together, and what did not hold in a single one of them. */
type PathTaken = { growth: Evidence; sent: Sent; failures: EvidenceCheck[] };

function addPath(sum: PathTaken | undefined, { growth, sent, checks }: MeasuredBlock['path'], pass: number): PathTaken {
  const failures = checks
    .filter(({ held }) => !held)
    .map((check) => ({ ...check, claim: `in block ${pass + 1}, ${check.claim}` }));
  if (sum === undefined) return { growth, sent, failures };
  return {
    growth: added(sum.growth, growth),
    sent: {
      traffic: added<Traffic>(sum.sent.traffic, sent.traffic),
      besides:
        sum.sent.besides === null || sent.besides === null ? null : added<Traffic>(sum.sent.besides, sent.besides),
      arrived: added(sum.sent.arrived, sent.arrived),
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

function added<T extends Record<string, number>>(one: T, other: T): T {
  const keys = Object.keys(one).filter((key) => key in other);
  return Object.fromEntries(keys.map((key) => [key, (one[key] ?? 0) + (other[key] ?? 0)])) as T;
}
