import type { KubernetesObject } from '@kubernetes/client-node';
import type { Problem } from '../policy/problem.ts';

/**
 * Raised with every change of what is read of policies. While agents are upgraded two versions of them see the same
 * object: who reads more has the last word, and neither takes it back.
 */
export const reader = 1;

/** As `metav1.Condition` has it. */
export type Condition = {
  type: string;
  status: 'True' | 'False';
  reason: string;
  message: string;
  observedGeneration: number;
  lastTransitionTime: string;
};

/** `reader` is the {@link reader} that the condition `Valid` is of. */
export type PolicyStatus = { conditions: readonly Condition[]; reader: number };

export type PolicyDocument = KubernetesObject & { status?: Partial<PolicyStatus> };

/** In characters. */
const longest = { message: 1000, problem: 200 };

/** Whether there is nothing to write: somebody who reads as much has judged this generation of the object already. */
export function isJudged({ metadata, status }: PolicyDocument): boolean {
  const valid = conditionsOf(status).find(({ type }) => type === 'Valid');
  const readBy = typeof status?.reader === 'number' ? status.reader : 0;
  return valid !== undefined && valid.observedGeneration === metadata?.generation && readBy >= reader;
}

/** The status that an object with these problems is to have. Conditions of others stay. */
export function statusOf(
  { metadata, status }: PolicyDocument,
  problems: readonly Problem[],
  now: () => Date,
): PolicyStatus {
  const before = conditionsOf(status);
  const known = before.find(({ type }) => type === 'Valid');
  const isValid = problems.length === 0 ? 'True' : 'False';
  const valid: Condition = {
    type: 'Valid',
    status: isValid,
    reason: problems.length === 0 ? 'PolicyValid' : 'PolicyInvalid',
    message: problems.length === 0 ? 'enforced as written' : messageOf(problems),
    observedGeneration: metadata?.generation ?? 0,
    lastTransitionTime:
      known?.status === isValid
        ? known.lastTransitionTime
        : now()
            .toISOString()
            .replace(/\.\d+Z$/, 'Z'),
  };
  return { conditions: [...before.filter(({ type }) => type !== 'Valid'), valid], reader };
}

/** What is wrong, and what follows from it; as many of the problems as there is room for. */
export function messageOf(problems: readonly Problem[]): string {
  const said = ['nothing is allowed by it until this is mended'];
  let left = longest.message - 60;
  for (const { path, problem } of problems) {
    const text = shorten(`${path === '' ? '' : `${path}: `}${problem}`);
    left -= text.length + 2;
    if (left < 0) break;
    said.push(text);
  }
  const [effect, ...named] = said;
  const more = problems.length - named.length;
  return `${effect}: ${named.join('; ')}${more === 0 ? '' : `; and ${more} more`}`;
}

function shorten(text: string): string {
  return text.length <= longest.problem ? text : `${text.slice(0, longest.problem - 1)}…`;
}

/** Whoever may write the status may have written anything. */
function conditionsOf(status: Partial<PolicyStatus> | undefined): readonly Condition[] {
  const conditions: unknown = status?.conditions;
  if (!Array.isArray(conditions)) return [];
  return conditions.filter((condition) => typeof condition?.type === 'string');
}
