import { z } from 'zod';
import { isIdentityLabel, namespaceLabelsPrefix } from './pod-labels.ts';
import { child, isMapping, type Problem, read } from './problem.ts';
import type { Requirement, Selector } from './selector.ts';

const Value = z.string().regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/, 'not the value of a label');
const Values = z.array(Value);

/** As Kubernetes has it. */
const LabelSelector = z.strictObject({
  matchLabels: z.record(z.string(), Value).optional(),
  matchExpressions: z
    .array(
      z
        .strictObject({
          key: z.string(),
          operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
          values: Values.optional(),
        })
        .refine(({ operator, values = [] }) => operator.endsWith('In') === values.length > 0, {
          path: ['values'],
          message: 'In and NotIn need values, Exists and DoesNotExist must have none',
        }),
    )
    .optional(),
});

/** Sources of labels: `plain` for keys without one; whether a key may name its own. */
export type KeySyntax = { plain: string; named: readonly string[] };

/** Keys of Kubernetes' own selectors, of pods. */
export const kubernetesKeys: KeySyntax = { plain: 'k8s:', named: [] };

/** Keys of Cilium's selectors. */
export const ciliumKeys: KeySyntax = { plain: 'any:', named: ['k8s:', 'any:', 'reserved:'] };

/** Reads a label selector; undefined where there is a problem. */
export function readSelector(
  value: unknown,
  syntax: KeySyntax,
  path: string,
  problems: Problem[],
): Selector | undefined {
  const before = problems.length;
  const selector = read(LabelSelector, value, path, problems);
  if (selector === undefined) return undefined;
  const requirements: Requirement[] = [];
  const add = (key: string, place: string, rest: Omit<Requirement, 'key'>): void => {
    const sourced = withSource(key, syntax);
    const problem = sourced === null ? 'not the key of a label' : problemOf(sourced);
    if (sourced === null || problem !== null) problems.push({ path: place, problem: problem ?? '' });
    else requirements.push({ key: sourced, ...rest });
  };
  const labels = selector.matchLabels ?? {};
  for (const key of keysOf(value)) {
    const place = child(child(path, 'matchLabels'), key);
    // The schema leaves `__proto__` out, and one condition less selects more.
    if (!Object.hasOwn(labels, key)) problems.push({ path: place, problem: 'not the key of a label' });
    else add(key, place, { operator: 'In', values: [labels[key] ?? ''] });
  }
  for (const [index, { key, operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
    add(key, child(child(child(path, 'matchExpressions'), index), 'key'), { operator, values });
  }
  return problems.length > before ? undefined : requirements;
}

/** Of a selector's `matchLabels`, as they were written. */
function keysOf(selector: unknown): string[] {
  return isMapping(selector) && isMapping(selector.matchLabels) ? Object.keys(selector.matchLabels) : [];
}

function withSource(key: string, { plain, named }: KeySyntax): string | null {
  const source = named.find((prefix) => key.startsWith(prefix)) ?? '';
  const name = key.slice(source.length);
  return isLabelKey(name) ? `${source === '' ? plain : source}${name}` : null;
}

const domain = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const labelName = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** `app`, `example.org/app`, and the same after the prefix for the labels of namespaces. A key of none would be no condition. */
function isLabelKey(key: string): boolean {
  const own = key.startsWith(namespaceLabelsPrefix) ? key.slice(namespaceLabelsPrefix.length) : key;
  const [name = '', prefix, ...rest] = own.split('/').toReversed();
  return rest.length === 0 && labelName.test(name) && (prefix === undefined || domain.test(prefix));
}

/** What no identity has cannot be judged: a NotIn would hold for everybody. */
function problemOf(key: string): string | null {
  return isIdentityLabel(key.slice(key.indexOf(':') + 1)) ? null : 'differs between pods of one identity';
}
