import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1PodTemplateSpec } from '@kubernetes/client-node';
import { poolOf } from '../../clusters/cluster.ts';
import { enrollPod } from './enroll.ts';
import { assertGolden } from './golden.ts';

const pool = poolOf('sidecar', 'sidecar');

const template: V1PodTemplateSpec = {
  metadata: { labels: { app: 'workload' }, annotations: { 'lab.dataplane/exclude-inbound-ports': '8079' } },
  spec: {
    serviceAccountName: 'workload',
    containers: [
      {
        name: 'workload',
        image: 'lab/workload',
        ports: [{ name: 'web', containerPort: 8080 }],
        readinessProbe: {
          httpGet: { path: 'readyz', port: 'web', httpHeaders: [{ name: 'x', value: 'y' }] },
          periodSeconds: 3,
          timeoutSeconds: 2,
        },
        livenessProbe: { tcpSocket: { port: 8080 } },
        startupProbe: { exec: { command: ['true'] } },
      },
    ],
    volumes: [{ name: 'own', emptyDir: {} }],
  },
};

test('an enrolled pod is the golden one, and the template stays as it was', () => {
  const before = structuredClone(template);
  assertGolden('pod-template.json', enrollPod(template, pool));
  assert.deepEqual(template, before);
});

test('HTTP and TCP probes go by the agent with their own timing, programs stay', () => {
  const enrolled = enrollPod(template, pool);
  const [container] = enrolled.spec?.containers ?? [];
  assert.deepEqual(container?.readinessProbe, {
    httpGet: { path: '/app-health/workload/readyz', port: 15020 },
    periodSeconds: 3,
    timeoutSeconds: 2,
  });
  assert.deepEqual(container?.livenessProbe, { httpGet: { path: '/app-health/workload/livez', port: 15020 } });
  assert.deepEqual(container?.startupProbe, { exec: { command: ['true'] } });
  const agent = enrolled.spec?.initContainers?.find(({ name }) => name === 'lab-agent');
  assert.deepEqual(JSON.parse(agent?.env?.find(({ name }) => name === 'APP_PROBES')?.value ?? ''), {
    '/app-health/workload/livez': { check: { kind: 'tcp', port: 8080 }, timeoutSeconds: 1 },
    '/app-health/workload/readyz': {
      check: { kind: 'http', scheme: 'HTTP', port: 8080, path: '/readyz', headers: [{ name: 'x', value: 'y' }] },
      timeoutSeconds: 2,
    },
  });
});

test('a probe of another host, or of a port that has no number, stays as it is', () => {
  const probe = { httpGet: { path: '/', port: 80, host: '192.0.2.1' } };
  const unknown = { tcpSocket: { port: 'nowhere' } };
  const enrolled = enrollPod(
    { spec: { containers: [{ name: 'a', livenessProbe: probe, readinessProbe: unknown }] } },
    pool,
  );
  assert.deepEqual(enrolled.spec?.containers[0]?.livenessProbe, probe);
  assert.deepEqual(enrolled.spec?.containers[0]?.readinessProbe, unknown);
});

test('an annotation that is no list of ports is refused', () => {
  const annotations = { 'lab.dataplane/exclude-inbound-ports': '8079; rm' };
  assert.throws(() => enrollPod({ ...template, metadata: { annotations } }, pool), { code: 'LAB_ANNOTATION_INVALID' });
});
