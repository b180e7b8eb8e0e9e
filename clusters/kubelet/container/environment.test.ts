import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Container, V1Pod, V1Service } from '@kubernetes/client-node';
import { containerEnvironment, type EnvironmentSources } from './environment.ts';

const pod: V1Pod = {
  metadata: { name: 'p', namespace: 'ns', uid: 'u', labels: { app: 'x' }, annotations: { 'a/b': 'c' } },
  spec: { nodeName: 'n', serviceAccountName: 'sa', containers: [] },
};
const facts = { podIps: ['10.0.0.2', 'fd00::2'], hostIp: '172.30.0.11' };
const service = (namespace: string, name: string, clusterIP: string): V1Service => ({
  metadata: { namespace, name },
  spec: { clusterIP, ports: [{ name: 'web-port', port: 80 }] },
});
const sources: EnvironmentSources = {
  configMap: async (name) => (name === 'config' ? { data: { key: 'value', other: '2' } } : null),
  secret: async (name) => (name === 'secret' ? { data: { key: Buffer.from('hush').toString('base64') } } : null),
  services: () => [
    service('default', 'kubernetes', '10.96.0.1'),
    service('ns', 'my-app', '10.96.0.9'),
    service('elsewhere', 'far', '10.96.0.8'),
    service('ns', 'headless', 'None'),
  ],
};
const resolve = (container: Partial<V1Container>, of: V1Pod = pod) =>
  containerEnvironment(of, { name: 'c', ...container }, facts, sources);

test('variables come from fields, maps, secrets and each other', async () => {
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const { MINE, LABEL, NOTE, IPS, HOST, KEY, HUSH, CPU, C_other } = await resolve({
    resources: { limits: { cpu: '1500m' } },
    envFrom: [{ prefix: 'C_', configMapRef: { name: 'config' } }],
    env: [
      field('NAME', 'metadata.name'),
      field('LABEL', "metadata.labels['app']"),
      field('NOTE', "metadata.annotations['a/b']"),
      field('IPS', 'status.podIPs'),
      field('HOST', 'status.hostIP'),
      { name: 'KEY', valueFrom: { configMapKeyRef: { name: 'config', key: 'key' } } },
      { name: 'HUSH', valueFrom: { secretKeyRef: { name: 'secret', key: 'key' } } },
      { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
      { name: 'MINE', value: '$(NAME)/$(C_key)/$(LATER)' },
      { name: 'LATER', value: 'x' },
    ],
  });
  assert.deepEqual(
    { MINE, LABEL, NOTE, IPS, HOST, KEY, HUSH, CPU, C_other },
    {
      MINE: 'p/value/$(LATER)',
      LABEL: 'x',
      NOTE: 'c',
      IPS: '10.0.0.2,fd00::2',
      HOST: '172.30.0.11',
      KEY: 'value',
      HUSH: 'hush',
      CPU: '1500',
      C_other: '2',
    },
  );
});

test("services of the pod's namespace are named, the API server always", async () => {
  const names = Object.keys(await resolve({})).filter((name) => name.endsWith('_SERVICE_HOST'));
  assert.deepEqual(names.sort(), ['KUBERNETES_SERVICE_HOST', 'MY_APP_SERVICE_HOST']);
  const variables = await resolve({});
  assert.equal(variables.MY_APP_SERVICE_PORT_WEB_PORT, '80');
  assert.equal(variables.MY_APP_PORT_80_TCP, 'tcp://10.96.0.9:80');
  const alone = { ...pod, spec: { containers: [], enableServiceLinks: false } };
  const few = Object.keys(await resolve({}, alone)).filter((name) => name.endsWith('_SERVICE_HOST'));
  assert.deepEqual(few, ['KUBERNETES_SERVICE_HOST']);
});

test('a reference that leads nowhere is named, unless it is optional', async () => {
  const failing: [Partial<V1Container>, string][] = [
    [{ envFrom: [{ configMapRef: { name: 'no' } }] }, 'configmap "no" not found'],
    [{ envFrom: [{ secretRef: { name: 'no' } }] }, 'secret "no" not found'],
    [
      { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'config', key: 'no' } } }] },
      "couldn't find key no in ConfigMap ns/config",
    ],
    [{ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.no' } } }] }, 'unsupported fieldPath: spec.no'],
  ];
  for (const [container, message] of failing) {
    await assert.rejects(resolve(container), { code: 'LAB_CONTAINER_CONFIG', message });
  }
  const optional = await resolve({
    envFrom: [{ configMapRef: { name: 'no', optional: true } }],
    env: [
      { name: 'A', valueFrom: { configMapKeyRef: { name: 'config', key: 'no', optional: true } } },
      { name: 'B', valueFrom: { secretKeyRef: { name: 'no', key: 'no', optional: true } } },
    ],
  });
  assert.ok(!('A' in optional) && !('B' in optional));
});
