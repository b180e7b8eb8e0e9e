import type { Kube } from '../../../clusters/kube/kube.ts';
import { log as writeLog } from '../agent/log.ts';
import type { ParsedPolicy } from '../policy/rule.ts';
import { isJudged, type PolicyDocument } from './condition.ts';
import { type Outcome, sendReport } from './request.ts';

/** Learns a policy as it is now; null with the last document of one that is gone. */
export type LearnPolicy = (parsed: ParsedPolicy | null, document: PolicyDocument) => void;

export type ReportOptions = {
  signal: AbortSignal;
  log?: typeof writeLog;
  now?: () => Date;
  /** Longest waits: before the first attempt, before the first repetition, before any. */
  delaysMs?: { first: number; again: number; most: number };
};

/** After that an object is left alone until it changes, or the agent starts again. */
const mostAttempts = 10;

/**
 * Tells users, in the status of the object and by an event, whether their policies are enforced as written. Agents of
 * all nodes learn of the same objects: each waits for a random while, and does nothing if another one was quicker.
 * Whatever the API server has against it, nothing is thrown or held up: one request at a time, a few attempts.
 */
export function reportPolicies(
  kube: Pick<Kube, 'request'>,
  {
    signal,
    log = writeLog,
    now = () => new Date(),
    delaysMs = { first: 1000, again: 2000, most: 300_000 },
  }: ReportOptions,
): LearnPolicy {
  const reports = new Map<string, Report>();
  /** Of policies with problems: the versions that have been logged, and those of which all is said. */
  const logged = new Map<string, string>();
  const told = new Map<string, string>();
  let sending = Promise.resolve();

  const arm = (key: string, report: Report, delayMs: number): void => {
    report.timer = setTimeout(() => {
      sending = sending
        .then(() => attempt(key, report))
        .catch((error: Error) => log('error', 'a policy could not be reported on', { error: error.stack }));
    }, delayMs).unref();
  };
  const drop = (key: string): void => {
    clearTimeout(reports.get(key)?.timer);
    reports.delete(key);
  };
  const attempt = async (key: string, report: Report): Promise<void> => {
    if (signal.aborted || reports.get(key) !== report) return;
    const { parsed, document, attempts } = report;
    const outcome = await sendReport(kube, { parsed, document, attempts, now, signal });
    // Another generation of the object, or none, is a matter of its own.
    if (signal.aborted || reports.get(key) !== report) return;
    settle(key, report, outcome, report.document !== document);
  };
  const settle = (key: string, report: Report, outcome: Outcome, isOutdated: boolean): void => {
    const { policy } = report.parsed;
    const hasFailed = outcome.kind === 'failed' || outcome.kind === 'refused';
    // Where somebody was quicker the informer says with what, if it has not yet.
    const isOver = outcome.kind === 'reported' || (outcome.kind === 'outdated' && !isOutdated);
    report.attempts++;
    if (!isOver && outcome.kind !== 'refused' && report.attempts < mostAttempts) {
      const delayMs = Math.min(delaysMs.again * 2 ** (report.attempts - 1), delaysMs.most);
      arm(key, report, delayMs * (0.5 + Math.random() / 2));
      return;
    }
    drop(key);
    if (hasFailed) log('warning', 'the state of a policy could not be reported', { policy, ...outcome });
    else if (policy.kind === 'NetworkPolicy') told.set(key, report.version);
  };
  signal.addEventListener('abort', () => [...reports.keys()].forEach(drop), { once: true });

  return (parsed, document) => {
    const { namespace = '', name = '', uid, generation } = document.metadata ?? {};
    const key = `${document.kind} ${namespace}/${name}`;
    if (parsed === null) {
      for (const versions of [logged, told]) versions.delete(key);
      drop(key);
      return;
    }
    const { policy, problems } = parsed;
    const version = `${uid} ${generation}`;
    if (problems.length > 0 && logged.get(key) !== version) {
      logged.set(key, version);
      log('warning', 'a policy cannot be enforced as written, and fails closed', { policy, problems });
    }
    const isTold =
      policy.kind === 'NetworkPolicy' ? problems.length === 0 || told.get(key) === version : isJudged(document);
    const waiting = reports.get(key);
    if (!isTold && waiting?.version === version) {
      waiting.parsed = parsed;
      waiting.document = document;
      return;
    }
    drop(key);
    if (isTold || signal.aborted) return;
    const report: Report = { parsed, document, version, attempts: 0 };
    reports.set(key, report);
    arm(key, report, Math.random() * delaysMs.first);
  };
}

type Report = {
  parsed: ParsedPolicy;
  document: PolicyDocument;
  /** Object and generation. */
  version: string;
  attempts: number;
  timer?: NodeJS.Timeout;
};
