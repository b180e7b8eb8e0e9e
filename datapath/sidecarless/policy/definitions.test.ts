import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1CustomResourceDefinition } from '@kubernetes/client-node';
import { policyDefinitions } from './definitions.ts';

test('both kinds are defined as their users know them, and keep every field', () => {
  const definitions = policyDefinitions as readonly V1CustomResourceDefinition[];
  assert.deepEqual(
    definitions.map(({ metadata, spec }) => [metadata?.name, spec.scope, spec.names.kind, spec.names.shortNames]),
    [
      ['ciliumnetworkpolicies.cilium.io', 'Namespaced', 'CiliumNetworkPolicy', ['cnp']],
      ['ciliumclusterwidenetworkpolicies.cilium.io', 'Cluster', 'CiliumClusterwideNetworkPolicy', ['ccnp']],
    ],
  );
  for (const { spec } of definitions) {
    const [version] = spec.versions;
    const kept = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    assert.deepEqual([spec.group, version?.name, version?.subresources], ['cilium.io', 'v2', { status: {} }]);
    const properties = { spec: kept, specs: { type: 'array', items: kept }, status: kept };
    assert.deepEqual(version?.schema?.openAPIV3Schema, { ...kept, properties });
    assert.deepEqual(
      version?.additionalPrinterColumns?.map(({ name }) => name),
      ['Age', 'Valid'],
    );
  }
});
