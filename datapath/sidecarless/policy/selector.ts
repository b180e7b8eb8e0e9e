/**
 * One condition on labels. `key` has a source: `k8s:app`, `reserved:host`; `any:app` means `app` of whatever source.
 * As in Kubernetes, `NotIn` holds too where there is no such label.
 */
export type Requirement = {
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  values: readonly string[];
};

/** Conditions that must all hold; none at all selects everything. */
export type Selector = readonly Requirement[];

/** Labels by key with source, as Cilium spells them. */
export type Labels = Readonly<Record<string, string>>;

const anySource = 'any:';

/** Whether labels meet every condition. */
export function selects(selector: Selector, labels: Labels): boolean {
  return selector.every((requirement) => meets(requirement, labels));
}

function meets({ key, operator, values }: Requirement, labels: Labels): boolean {
  switch (operator) {
    case 'In':
      return hasValue(labels, key, values);
    case 'NotIn':
      return !hasValue(labels, key, values);
    case 'Exists':
      return hasValue(labels, key, null);
    case 'DoesNotExist':
      return !hasValue(labels, key, null);
  }
}

function hasValue(labels: Labels, key: string, values: readonly string[] | null): boolean {
  if (!key.startsWith(anySource)) return isOneOf(Object.hasOwn(labels, key) ? labels[key] : undefined, values);
  const suffix = key.slice(anySource.length - 1);
  for (const label in labels) {
    // Sources have no colon in them. To look up the key with each source instead takes three times as long.
    if (label.indexOf(':') !== label.length - suffix.length || !label.endsWith(suffix)) continue;
    if (isOneOf(labels[label], values)) return true;
  }
  return false;
}

function isOneOf(value: string | undefined, values: readonly string[] | null): boolean {
  return value !== undefined && (values === null || values.includes(value));
}
