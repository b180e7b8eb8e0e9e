import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Node, V1Pod, V1Service } from '@kubernetes/client-node';
import { LabError } from '../../clusters/error.ts';
import type { PolicyAnswer, PolicyQuestion } from '../../datapath/policy-question.ts';
import { type EndName, parseEnd } from './end.ts';
import { parsePort } from './port.ts';
import { type ClusterObjects, resolveSource, resolveTargets } from './resolve.ts';
import { type Judge, type Trace, traceConnection } from './trace.ts';
import { traceText } from './trace-text.ts';

const pod = (name: string, node: string, ips: readonly string[], changes: V1Pod = {}): V1Pod => ({
  metadata: { namespace: 'shop', name },
  spec: { nodeName: node, containers: [], ...changes.spec },
  status: { phase: 'Running', podIPs: ips.map((ip) => ({ ip })), ...changes.status },
});
const node = (name: string, address: string): V1Node => ({
  metadata: { name },
  status: { addresses: [{ type: 'InternalIP', address }] },
});
const service = (name: string, changes: V1Service['spec'] = {}): V1Service => ({
  metadata: { namespace: 'shop', name },
  spec: { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], ports: [{ name: 'http', port: 80 }], ...changes },
});
const exposed = (clusterIP: string, nodePort: number): V1Service['spec'] => ({
  ...{ clusterIP, clusterIPs: [clusterIP] },
  ports: [{ name: 'http', port: 80, nodePort }],
});
const slice = (
  name: string,
  addresses: readonly string[],
  conditions = {},
  nodeName = 'a-1',
): ClusterObjects['slices'][number] => ({
  addressType: 'IPv4',
  metadata: { namespace: 'shop', labels: { 'kubernetes.io/service-name': name } },
  endpoints: addresses.map((address) => ({ addresses: [address], conditions, nodeName })),
  ports: [{ name: 'http', port: 8080 }],
});

const objects: ClusterObjects = {
  nodes: [node('a-1', '192.0.2.1'), node('plain-1', '192.0.2.9')],
  pods: [
    pod('client', 'a-1', ['10.0.0.1', 'fd00::1']),
    pod('web', 'a-1', ['10.0.0.2', 'fd00::2']),
    pod('db', 'plain-1', ['10.0.9.1']),
    pod('agent', 'a-1', ['192.0.2.1'], { spec: { hostNetwork: true, containers: [] } }),
    pod('pending', 'a-1', [], { status: { phase: 'Pending' } }),
    pod('both', 'a-1', ['10.0.0.3'], {
      spec: { containers: [{ name: 'app', ports: [{ containerPort: 443, hostPort: 8443 }] }] },
    }),
  ],
  services: [
    service('front'),
    service('named', { clusterIP: 'None', clusterIPs: ['None'] }),
    service('empty', { clusterIP: '10.96.0.2', clusterIPs: ['10.96.0.2'] }),
    service('both', { clusterIP: '10.96.0.3', clusterIPs: ['10.96.0.3'] }),
    {
      ...service('exposed', exposed('10.96.0.5', 30080)),
      status: { loadBalancer: { ingress: [{ ip: '198.51.100.7' }, { ip: '198.51.100.8', ipMode: 'Proxy' }] } },
    },
    service('exposed-locally', { ...exposed('10.96.0.6', 30081), externalTrafficPolicy: 'Local' }),
    service('old', { clusterIP: '10.96.0.4', clusterIPs: ['10.96.0.4'] }),
  ],
  slices: [
    slice('front', ['10.0.0.2', '10.0.9.1']),
    ...['exposed', 'exposed-locally'].flatMap((name) => [
      slice(name, ['10.0.0.2']),
      slice(name, ['10.0.9.1'], {}, 'plain-1'),
    ]),
    slice('named', ['10.0.0.2']),
    slice('empty', ['10.0.0.2'], { ready: false }),
    slice('old', ['10.0.0.2'], { ready: false, serving: true, terminating: true }),
  ],
};

const rule = { kind: 'NetworkPolicy', namespace: 'shop', name: 'p' };
const answer: PolicyAnswer = {
  verdict: 'allowed',
  decidedBy: 'no-policy',
  rule: null,
  selectedBy: [],
  peer: { identity: 300, name: 'ID:300', labels: [] },
  source: 'the map',
  disagreement: null,
};
const denied: PolicyAnswer = {
  ...answer,
  verdict: 'denied',
  decidedBy: 'default-deny',
  selectedBy: [{ ...rule, problems: ['spec.x: unknown field'] }],
};

async function trace(
  from: string,
  to: string,
  port = '80',
  answers: (question: PolicyQuestion) => PolicyAnswer = () => answer,
): Promise<{ trace: Trace; asked: PolicyQuestion[] }> {
  const asked: PolicyQuestion[] = [];
  const judge: Judge = (name) => ({
    dataPlane: name === 'plain-1' ? 'none' : 'policed',
    ask:
      name === 'plain-1'
        ? null
        : async (question) => {
            asked.push(question);
            return answers(question);
          },
  });
  const [source, port_]: [EndName, ReturnType<typeof parsePort>] = [parseEnd('from', from), parsePort(port)];
  const start = resolveSource(source, objects);
  const targets = resolveTargets(parseEnd('to', to), port_, objects, start.kind === 'pod' ? start.node : null);
  return { trace: await traceConnection(start, targets, judge), asked };
}

test('pod to pod is asked at both sides, by the address of the other', async () => {
  const { trace: found, asked } = await trace('shop/client', 'shop/web', '53/UDP');
  const common = { node: 'a-1', port: 53, protocol: 'UDP' } as const;
  assert.deepEqual(asked, [
    { pod: { namespace: 'shop', name: 'client' }, direction: 'egress', peer: { address: '10.0.0.2' }, ...common },
    { pod: { namespace: 'shop', name: 'web' }, direction: 'ingress', peer: { address: '10.0.0.1' }, ...common },
  ]);
  assert.equal(found.verdict, 'allowed');
});

test('an address is the pod, the node or the Service that has it, in the family that is asked for', async () => {
  const { asked } = await trace('shop/client', 'FD00:0::2');
  assert.deepEqual(
    asked.map(({ pod: { name }, peer }) => [name, peer]),
    [
      ['client', { address: 'FD00:0::2' }],
      ['web', { address: 'fd00::1' }],
    ],
  );
  const toNode = await trace('shop/client', '192.0.2.1');
  assert.deepEqual(
    toNode.asked.map(({ peer }) => peer),
    [{ address: '192.0.2.1' }],
  );
  const toService = await trace('shop/client', '10.96.0.1');
  assert.deepEqual(toService.trace.service, { namespace: 'shop', name: 'front' });
  const outside = await trace('shop/client', '198.51.100.1');
  assert.deepEqual(
    outside.asked.map(({ direction }) => direction),
    ['egress'],
  );
});

test('a Service is what is behind it, on the port that it has there', async () => {
  const { trace: found, asked } = await trace('shop/client', 'shop/front', '80', ({ direction, peer }) =>
    direction === 'egress' && 'address' in peer && peer.address === '10.0.9.1' ? denied : answer,
  );
  assert.equal(found.verdict, 'partly');
  assert.deepEqual(
    found.paths.map(({ port, verdict }) => [port.port, verdict]),
    [
      [8080, 'allowed'],
      [8080, 'denied'],
    ],
  );
  assert.ok(asked.every(({ port }) => port === 8080));
  assert.deepEqual((await trace('shop/client', 'shop/named', '7')).trace.paths[0]?.port.port, 7);
  assert.equal((await trace('shop/client', 'shop/old')).trace.paths.length, 1);
});

test('a port of a node is what it leads to; any other is the node’s own', async () => {
  const reached = async (to: string, port: string, from = 'shop/client') => {
    const { trace: found, asked } = await trace(from, to, port);
    return [
      found.service?.name ?? null,
      asked.flatMap(({ peer, port }) => ('address' in peer ? [`${peer.address} ${port}`] : [])),
    ];
  };
  const asked = (peer: string, port: number) => [`${peer} ${port}`, `10.0.0.1 ${port}`];
  for (const address of ['192.0.2.1', '192.0.2.9']) {
    assert.deepEqual(await reached(address, '30080'), ['exposed', [...asked('10.0.0.2', 8080), '10.0.9.1 8080']]);
  }
  // With the external policy Local another node has only its own backends, and one's own all.
  assert.deepEqual(await reached('192.0.2.9', '30081'), ['exposed-locally', ['10.0.9.1 8080']]);
  assert.deepEqual(await reached('192.0.2.1', '30081'), [
    'exposed-locally',
    [...asked('10.0.0.2', 8080), '10.0.9.1 8080'],
  ]);
  assert.deepEqual(await reached('192.0.2.1', '8443'), [null, asked('10.0.0.3', 443)]);
  for (const [address, port] of [
    ['192.0.2.9', '8443'],
    ['192.0.2.1', '8443/UDP'],
    ['192.0.2.1', '30082'],
  ] as const) {
    assert.deepEqual(await reached(address, port), [null, [`${address} ${port.split('/')[0]}`]]);
  }
  assert.deepEqual((await reached('198.51.100.7', '80'))[0], 'exposed');
  assert.deepEqual((await reached('198.51.100.8', '80'))[0], null);
});

test('where nobody polices, nobody is asked', async () => {
  const why = async (from: string, to: string): Promise<string[]> =>
    (await trace(from, to)).trace.paths[0]?.judgements.map((one) => (one.policed ? 'asked' : one.why)) ?? [];
  assert.deepEqual(await why('shop/client', 'shop/db'), [
    'asked',
    'the node plain-1 is on none, which enforces no policies',
  ]);
  assert.deepEqual(await why('shop/agent', 'shop/web'), ['the node a-1 itself is not policed', 'asked']);
  assert.deepEqual(await why('world', 'shop/web'), ['outside the cluster there is no policy', 'asked']);
  assert.deepEqual(await why('shop/client', 'shop/client'), ['it does not leave the pod', 'it does not leave the pod']);
});

for (const [from, to, port, code, message] of [
  ['shop/cleint', 'shop/web', '80', 'LAB_NAME_UNKNOWN', /no pod shop\/cleint \(did you mean "client"\?\)/],
  ['shpo/client', 'shop/web', '80', 'LAB_NAME_UNKNOWN', /namespace shpo \(did you mean "shop"\?\)/],
  ['shop/client', 'shop/frnot', '80', 'LAB_NAME_UNKNOWN', /no pod or Service shop\/frnot \(did you mean "front"\?\)/],
  ['shop/front', 'shop/web', '80', 'LAB_NAME_UNKNOWN', /no pod shop\/front/],
  ['shop/client', 'shop/both', '80', 'LAB_NAME_AMBIGUOUS', /a pod and a Service shop\/both/],
  ['shop/client', 'shop/pending', '80', 'LAB_POD_WITHOUT_ADDRESS', /is Pending/],
  ['shop/client', 'shop/front', '81', 'LAB_SERVICE_PORT', /no port TCP 81: it has 80\/TCP/],
  ['shop/client', 'shop/front', '80/UDP', 'LAB_SERVICE_PORT', /no port UDP 80/],
  ['shop/client', 'shop/empty', '80', 'LAB_SERVICE_WITHOUT_BACKENDS', /no ready backend/],
  ['shop/client', 'shop/db', '80', null, /^$/],
  ['shop/db', 'fd00::2', '80', 'LAB_NO_COMMON_FAMILY', /cannot talk to/],
] as const) {
  test(`${from} to ${to}, ${port}: ${code ?? 'fine'}`, async () => {
    const failure = await trace(from, to, port).then(
      () => null,
      (error: unknown) => error,
    );
    if (code === null) return assert.equal(failure, null);
    assert.ok(failure instanceof LabError, String(failure));
    assert.deepEqual([failure.code, failure.exitCode], [code, 2]);
    assert.match(failure.message, message);
  });
}

test('in words', async () => {
  const ruled: PolicyAnswer = {
    ...answer,
    decidedBy: 'rule',
    rule: { ...rule, path: 'spec.egress[0]', says: 'to everybody, on TCP 80' },
    disagreement: 'they differ',
  };
  const { trace: found } = await trace('shop/client', 'shop/web', '80', ({ direction }) =>
    direction === 'egress' ? ruled : denied,
  );
  assert.equal(
    traceText(found),
    [
      'shop/client (10.0.0.1) -> shop/web (10.0.0.2), TCP 80: DENIED',
      '  egress of shop/client: allowed by NetworkPolicy shop/p, spec.egress[0]',
      '    to everybody, on TCP 80',
      '    destination is (ID:300); found in the map',
      '    WARNING: they differ',
      '  ingress of shop/web: denied, no rule allows it, and the pod is in default deny',
      '    by NetworkPolicy shop/p',
      '      which allows nothing, as it cannot be enforced as written: spec.x: unknown field',
      '    source is (ID:300); found in the map',
      '',
    ].join('\n'),
  );
  const { trace: split } = await trace('world', 'shop/front', '80', () => denied);
  assert.match(traceText(split), /^Service shop\/front, 2 backends: ALLOWED to some backends, DENIED to others\n/);
  assert.match(traceText(split), /world -> shop\/db \(10\.0\.9\.1\), TCP 8080: ALLOWED\n {2}egress: allowed, outside/);
});
