import type { KubernetesObject } from '@kubernetes/client-node';

const group = 'cilium.io';
const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

/**
 * Definitions of Cilium's policies for a cluster without Cilium. The API server is to keep fields that it does not know:
 * were it to drop one from a denial, the denial would shrink and nobody would be told.
 */
export const policyDefinitions: readonly KubernetesObject[] = [
  definition({
    plural: 'ciliumnetworkpolicies',
    singular: 'ciliumnetworkpolicy',
    kind: 'CiliumNetworkPolicy',
    shortNames: ['cnp'],
    scope: 'Namespaced',
  }),
  definition({
    plural: 'ciliumclusterwidenetworkpolicies',
    singular: 'ciliumclusterwidenetworkpolicy',
    kind: 'CiliumClusterwideNetworkPolicy',
    shortNames: ['ccnp'],
    scope: 'Cluster',
  }),
];

type Names = { plural: string; singular: string; kind: string; shortNames: string[]; scope: 'Namespaced' | 'Cluster' };

function definition({ scope, ...names }: Names): KubernetesObject & { spec: object } {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${names.plural}.${group}` },
    spec: {
      group,
      scope,
      names: { ...names, listKind: `${names.kind}List` },
      versions: [
        {
          name: 'v2',
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [
            { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
            { name: 'Valid', type: 'string', jsonPath: ".status.conditions[?(@.type=='Valid')].status" },
          ],
          schema: {
            openAPIV3Schema: {
              ...anything,
              properties: { spec: anything, specs: { type: 'array', items: anything }, status: anything },
            },
          },
        },
      ],
    },
  };
}
