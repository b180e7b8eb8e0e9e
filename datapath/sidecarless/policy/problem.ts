import type { z } from 'zod';

/** What is wrong at one place of a document: `spec.ingress[0].toPorts[0].rules`, `not supported`. */
export type Problem = { path: string; problem: string };

/** Fields of Cilium's that this data plane knows of and cannot enforce. */
const unsupported = new Set([
  'authentication',
  'cidrGroupRef',
  'cidrGroupSelector',
  'fromGroups',
  'fromNodes',
  'fromRequires',
  'listener',
  'nodeSelector',
  'originatingTLS',
  'rules',
  'serverNames',
  'terminatingTLS',
  'toFQDNs',
  'toGroups',
  'toNodes',
  'toRequires',
  'toServices',
]);

/** Checks one part of a document. What does not fit is added to `problems`, and the answer is undefined. */
export function read<T>(schema: z.ZodType<T>, value: unknown, path: string, problems: Problem[]): T | undefined {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const place = issue.path.reduce<string>((parent, key) => child(parent, key), path);
    if (issue.code === 'unrecognized_keys') problems.push(...issue.keys.map((key) => foreignField(place, key)));
    else problems.push({ path: place, problem: issue.message });
  }
  return undefined;
}

/** The problem of a field that has no meaning here. */
export function foreignField(path: string, key: string): Problem {
  return { path: child(path, key), problem: unsupported.has(key) ? 'not supported' : 'unknown field' };
}

/** Path of a field or of an element of a list. */
export function child(path: string, key: PropertyKey): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  const name = String(key);
  if (!/^[A-Za-z0-9_-]+$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === '' ? name : `${path}.${name}`;
}

/** Whether a value is a mapping, whose fields may be looked at. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
