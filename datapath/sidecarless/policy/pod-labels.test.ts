import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podLabels } from './pod-labels.ts';

test('an identity has what policies ask for, and nothing that differs between replicas', () => {
  const labels = {
    app: 'web',
    'app.kubernetes.io/name': 'web',
    'pod-template-hash': '5d8f',
    'controller-revision-hash': 'a',
    'statefulset.kubernetes.io/pod-name': 'web-0',
    'apps.kubernetes.io/pod-index': '0',
  };
  assert.deepEqual(
    podLabels(
      { metadata: { namespace: 'shop', labels }, spec: { serviceAccountName: 'shopper', containers: [] } },
      { metadata: { name: 'shop', labels: { 'kubernetes.io/metadata.name': 'shop' } } },
    ),
    {
      'k8s:app': 'web',
      'k8s:app.kubernetes.io/name': 'web',
      'k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name': 'shop',
      'k8s:io.cilium.k8s.policy.cluster': 'default',
      'k8s:io.cilium.k8s.policy.serviceaccount': 'shopper',
      'k8s:io.kubernetes.pod.namespace': 'shop',
    },
  );
});

test('a pod cannot pass for one of another namespace by its own labels', () => {
  const labels = {
    'io.kubernetes.pod.namespace': 'bank',
    'io.cilium.k8s.namespace.labels.team': 'blue',
    'io.cilium.k8s.policy.serviceaccount': 'root',
  };
  assert.deepEqual(podLabels({ metadata: { namespace: 'shop', labels } }, { metadata: { name: 'shop' } }), {
    'k8s:io.cilium.k8s.policy.cluster': 'default',
    'k8s:io.cilium.k8s.policy.serviceaccount': 'default',
    'k8s:io.kubernetes.pod.namespace': 'shop',
  });
});
