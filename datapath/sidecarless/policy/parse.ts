import { z } from 'zod';
import { LabError } from '../../../clusters/error.ts';
import { parseCiliumPolicy } from './cilium-policy.ts';
import { parseKubernetesPolicy } from './kubernetes-policy.ts';
import type { ParsedPolicy, PolicyName } from './rule.ts';

const Document = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string().min(1), namespace: z.string().min(1).optional() }),
});

/** Kinds of policies by their API version and kind. */
const kinds: Readonly<
  Record<string, { kind: PolicyName['kind']; namespaced: boolean; parse: typeof parseCiliumPolicy }>
> = {
  'networking.k8s.io/v1 NetworkPolicy': { kind: 'NetworkPolicy', namespaced: true, parse: parseKubernetesPolicy },
  'cilium.io/v2 CiliumNetworkPolicy': { kind: 'CiliumNetworkPolicy', namespaced: true, parse: parseCiliumPolicy },
  'cilium.io/v2 CiliumClusterwideNetworkPolicy': {
    kind: 'CiliumClusterwideNetworkPolicy',
    namespaced: false,
    parse: parseCiliumPolicy,
  },
};

/**
 * Reads a policy as its user wrote it. What is wrong inside it is in `problems`, and it then fails closed.
 * @throws LabError LAB_POLICY_UNKNOWN for what is no policy, or has no name by which it could be spoken of.
 */
export function parsePolicy(document: unknown): ParsedPolicy {
  const result = Document.safeParse(document);
  const found = result.success ? kinds[`${result.data.apiVersion} ${result.data.kind}`] : undefined;
  if (!result.success || found === undefined) throw unknownPolicy('it has no such apiVersion, kind and metadata');
  const { name, namespace } = result.data.metadata;
  if (found.namespaced && namespace === undefined) throw unknownPolicy(`${found.kind} ${name} has no namespace`);
  const policy = { kind: found.kind, namespace: found.namespaced ? (namespace ?? null) : null, name };
  // Not what the schema has made of it: that may have lost fields.
  return found.parse(policy, document as Readonly<Record<string, unknown>>);
}

function unknownPolicy(reason: string): LabError {
  return new LabError('LAB_POLICY_UNKNOWN', {
    message: `This is not a policy: ${reason}.`,
    remedy: `Kinds that are read: ${Object.keys(kinds).join(', ')}.`,
  });
}
