import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesObject, V1Container, V1Pod } from '@kubernetes/client-node';
import { LabError } from '../../error.ts';
import { isPodReady } from '../../kube/pod-ready.ts';
import { hierarchies } from '../../life/cgroup.ts';
import { podCgroup } from '../pod/cgroup.ts';
import { testInside } from '../tests/cluster.ts';
import { swapIsCounted } from './swap.ts';

const image = 'lab/node-tools';
const shell = (name: string, script: string, more: Partial<V1Container> = {}): V1Container => ({
  name,
  image,
  command: ['sh', '-c', script],
  ...more,
});
const pause = 'trap "exit 0" TERM; sleep 3600 & wait';
const state = (pod: V1Pod) => pod.status?.containerStatuses?.[0]?.state;

/** Reads until the text is as wanted; the test's own timeout is the deadline. */
async function eventually(read: () => Promise<string>, wanted: RegExp): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const text = await read();
    if (wanted.test(text)) return;
    assert.ok(Date.now() < deadline, `${text} is not ${wanted}`);
    await delay(50);
  }
}

/** With the options of the file system, which all its mounts share. */
async function hostCgroupMounts(): Promise<string[]> {
  return (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter((line) => / - cgroup2? /.test(line));
}

testInside(import.meta.filename, { network: true }, (cluster) => {
  test('CPU and memory limits are enforced, and CPU usage can be read', async () => {
    const { createPod, podWhen, deletePod, run, cgroupRoot, node } = cluster();
    const spin = 'while :; do :; done';
    const resources = { limits: { cpu: '200m', memory: '64Mi' } };
    await createPod('limited', { containers: [shell('app', spin, { resources })] });
    const pod = await podWhen('limited', 'ready', isPodReady);
    const id = pod.status?.containerStatuses?.[0]?.containerID?.replace('lab://', '') ?? '';
    const path = `${podCgroup(cgroupRoot, node.name, pod.metadata?.uid ?? '')}/${id}`;
    const coresUsed = async (): Promise<number> => {
      const before = await cpuSeconds(path);
      const began = performance.now();
      await delay(1500);
      return ((await cpuSeconds(path)) - before) / ((performance.now() - began) / 1000);
    };
    // A machine that stands still for a while keeps the container from what it may have.
    let used = await coresUsed();
    for (let i = 0; i < 9 && !(used > 0.12 && used < 0.25); i++) used = await coresUsed();
    assert.ok(used > 0.12 && used < 0.25, `${used} of a core`);
    const { stdout } = await run('limited', [
      'sh',
      '-c',
      'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null',
    ]);
    assert.match(stdout, /^67108864$/m);
    if (swapIsCounted()) {
      // v1 limits memory and swap together, v2 swap alone.
      const files = ['/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes', '/sys/fs/cgroup/memory.swap.max'];
      const limit = await run('limited', ['sh', '-c', `cat ${files.join(' ')} 2>/dev/null`]);
      assert.match(limit.stdout, /^(67108864|0)$/m);
    }
    await deletePod('limited');

    const eat = `exec perl -e '$x = "a" x (256 * 1024 * 1024); sleep 60'`;
    await createPod('hungry', { restartPolicy: 'Never', containers: [shell('app', eat, { resources })] });
    const killed = await podWhen('hungry', 'ended', (found) => state(found)?.terminated !== undefined);
    assert.equal(state(killed)?.terminated?.reason, 'OOMKilled');
    assert.equal(state(killed)?.terminated?.exitCode, 137);
    await deletePod('hungry');
  });

  test('ConfigMaps, Secrets, tokens and the downward API reach files and follow changes', async () => {
    const { createPod, podWhen, deletePod, run, kube } = cluster();
    const configMap = (value: string): KubernetesObject =>
      ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'config' },
        data: { key: value, 'dir.key': 'deep' },
      }) as object;
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'secret' },
      stringData: { word: 'hush' },
    } as object;
    await kube.apply([configMap('one'), secret]);
    await createPod(
      'volumes',
      {
        securityContext: { runAsUser: 1000, fsGroup: 2000 },
        volumes: [
          { name: 'config', configMap: { name: 'config', items: [{ key: 'key', path: 'a/key' }] } },
          { name: 'secret', secret: { secretName: 'secret', defaultMode: 0o400 } },
          { name: 'down', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
          {
            name: 'token',
            projected: {
              sources: [{ serviceAccountToken: { path: 'token', audience: 'mesh', expirationSeconds: 600 } }],
            },
          },
          { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
          { name: 'empty', emptyDir: {} },
        ],
        containers: [
          shell('app', pause, {
            volumeMounts: [
              { name: 'config', mountPath: '/config' },
              { name: 'secret', mountPath: '/secret' },
              { name: 'down', mountPath: '/down' },
              { name: 'token', mountPath: '/token' },
              { name: 'memory', mountPath: '/memory' },
              { name: 'empty', mountPath: '/empty/a', subPath: 'x/y' },
              { name: 'config', mountPath: '/single', subPath: 'a/key', readOnly: true },
            ],
            envFrom: [
              { prefix: 'C_', configMapRef: { name: 'config' } },
              { secretRef: { name: 'absent', optional: true } },
            ],
            env: [
              { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
              { name: 'BOTH', value: '$(IP):$(C_key):$$(IP)' },
              { name: 'WORD', valueFrom: { secretKeyRef: { name: 'secret', key: 'word' } } },
            ],
          }),
        ],
      },
      { labels: { colour: 'red' } },
    );
    const pod = await podWhen('volumes', 'ready', isPodReady);
    const sh = async (script: string): Promise<string> => {
      const { exitCode, stdout, stderr } = await run('volumes', ['sh', '-c', script]);
      assert.equal(exitCode, 0, stderr);
      return stdout;
    };
    assert.equal(await sh('echo $BOTH $WORD'), `${pod.status?.podIP}:one:$(IP) hush\n`);
    assert.equal(await sh('cat /config/a/key /secret/word /single'), 'onehushone');
    assert.equal(await sh('stat -L -c "%a %u %g" /secret/word'), '440 0 2000\n');
    assert.equal(await sh('stat -L -c "%a %u %g" /token/token'), '640 1000 2000\n');
    assert.equal(await sh('cat /down/labels'), 'colour="red"');
    assert.equal(await sh('id -u; id -G'), '1000\n0 2000\n');
    assert.match(await sh('df -k /memory | tail -1'), / 1024 /);
    assert.equal(
      await sh('touch /empty/a/file && ls /empty/a; touch /usr/x 2>/dev/null || echo refused'),
      'file\nrefused\n',
    );
    const claims = JSON.parse(Buffer.from((await sh('cat /token/token')).split('.')[1] ?? '', 'base64url').toString());
    assert.deepEqual(claims.aud, ['mesh']);
    assert.equal(claims['kubernetes.io'].pod.uid, pod.metadata?.uid);

    await kube.apply([configMap('two')]);
    await eventually(() => sh('cat /config/a/key'), /^two$/);
    await kube.json('PATCH', '/api/v1/namespaces/default/pods/volumes', {
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { metadata: { labels: { colour: 'blue' } } },
    });
    await eventually(() => sh('cat /down/labels'), /^colour="blue"$/);
    await deletePod('volumes');
  });

  test('a volume whose source is missing is mounted when it comes', async () => {
    const { createPod, podWhen, deletePod, events, kube } = cluster();
    const volumes = [{ name: 'v', secret: { secretName: 'coming' } }];
    await createPod('patient', {
      volumes,
      containers: [shell('app', pause, { volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
    });
    await eventually(async () => (await events('patient')).join('\n'), /FailedMount: .*secret "coming" not found/);
    await kube.apply([{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'coming' } } as object]);
    await podWhen('patient', 'ready', isPodReady);
    await deletePod('patient');
  });

  test("a hostPath is the node's, and is checked", async () => {
    const { createPod, podWhen, deletePod, events, run } = cluster();
    const mount = { name: 'v', mountPath: '/v' };
    const hostPath = (path: string, type: string) => [{ name: 'v', hostPath: { path, type } }];
    await createPod('absent', { volumes: hostPath('/etc/absent', 'Directory'), containers: [shell('app', pause)] });
    await createPod('cni', {
      volumes: hostPath('/etc/cni/net.d', 'Directory'),
      containers: [shell('app', pause, { volumeMounts: [mount] })],
    });
    await podWhen('cni', 'ready', isPodReady);
    assert.equal((await run('cni', ['ls', '/v'])).stdout, '10-test.conflist\n');
    await eventually(
      async () => (await events('absent')).join('\n'),
      /FailedMount: .*hostPath type check failed: \/etc\/absent is not a directory/,
    );
    await Promise.all([deletePod('absent'), deletePod('cni')]);
  });

  test('security settings hold', async () => {
    const { createPod, podWhen, logs, deletePod } = cluster();
    const look = 'grep -E "CapEff|NoNewPrivs" /proc/self/status; touch /x 2>&1; ls /dev/mem 2>&1; true';
    const once = (securityContext: V1Container['securityContext']) => ({
      restartPolicy: 'Never',
      containers: [shell('app', look, securityContext === undefined ? {} : { securityContext })],
    });
    await createPod('plain', once({}));
    await createPod(
      'strict',
      once({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] },
      }),
    );
    const cgroupMounts = await hostCgroupMounts();
    await createPod('privileged', once({ privileged: true }));
    for (const name of ['plain', 'strict', 'privileged']) {
      await podWhen(name, 'done', ({ status }) => status?.phase === 'Succeeded');
    }
    assert.match(await logs('plain'), /CapEff:\s+00000000a80425fb\nNoNewPrivs:\s+0\nls: .*No such file/);
    assert.match(await logs('strict'), /CapEff:\s+0000000000001000\nNoNewPrivs:\s+1\ntouch: .*Read-only file system/);
    const own = /^CapBnd:\s*(\w+)/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
    assert.match(await logs('privileged'), new RegExp(`CapEff:\\s+${own}`));
    assert.deepEqual(await hostCgroupMounts(), cgroupMounts, 'the host’s own mounts keep their options');
    await Promise.all(['plain', 'strict', 'privileged'].map(deletePod));
  });

  test('logs are followed, cut and timed as kubelet does', async () => {
    const { createPod, podWhen, logs, deletePod } = cluster();
    await createPod('talking', {
      restartPolicy: 'Never',
      containers: [
        shell('app', 'for i in 1 2 3 4 5; do echo line $i; done; sleep 0.2; echo wrong >&2; sleep 3; printf last'),
      ],
    });
    await podWhen('talking', 'running', (pod) => state(pod)?.running !== undefined);
    assert.match(await logs('-f', 'talking'), /line 1\nline 2\nline 3\nline 4\nline 5\n(.|\n)*last\n$/);
    assert.equal(await logs('talking', '--tail=1'), 'last\n');
    assert.equal(await logs('talking', '--limit-bytes=4'), 'line');
    assert.match(await logs('talking', '--tail=1', '--timestamps'), /^\d{4}-\d\d-\d\dT[\d:]+\.\d{9}Z last\n$/);
    assert.equal(await logs('talking', '--since=1h', '--tail=1'), 'last\n');
    const refused = await cluster().kubectl(['logs', 'talking', '--previous']);
    assert.match(refused.stderr, /previous terminated container "app" in pod "talking" not found/);
    await deletePod('talking');
  });

  test('exec runs in the container; streams name what serves instead', async () => {
    const { createPod, podWhen, run, kubectl, deletePod, runtime } = cluster();
    await createPod('target', { containers: [shell('app', pause)] });
    await podWhen('target', 'ready', isPodReady);
    const { exitCode, stdout } = await run('target', ['sh', '-c', 'hostname; exit 9']);
    assert.deepEqual([exitCode, stdout], [9, 'target\n']);
    const refused = await kubectl(['exec', 'target', '--', 'true']);
    assert.notEqual(refused.exitCode, 0);
    assert.match(refused.stderr, /lab exec/);
    const request = { namespace: 'default', pod: 'nobody', container: null, command: ['true'], tty: false };
    const code = (expected: string) => (error: unknown) => error instanceof LabError && error.code === expected;
    assert.throws(() => runtime.execCommand(request), code('LAB_POD_UNKNOWN'));
    assert.throws(
      () => runtime.execCommand({ ...request, pod: 'target', container: 'x' }),
      code('LAB_CONTAINER_UNKNOWN'),
    );
    await deletePod('target');
  });

  test('pods reach each other and the API server, and a host port reaches its pod', async () => {
    const { createPod, podWhen, deletePod, run } = cluster();
    const listen = `exec perl -MIO::Socket -e '$s=IO::Socket::INET->new(LocalPort=>8080,Listen=>5,ReuseAddr=>1); while($c=$s->accept){ print $c "hello\\n"; close $c }'`;
    const say = (address: string): string[] => [
      'perl',
      '-MIO::Socket',
      '-e',
      '$s=IO::Socket::INET->new(PeerAddr=>shift, Timeout=>3) or die "$@"; print <$s>',
      address,
    ];
    await createPod('server', {
      containers: [
        shell('app', listen, {
          ports: [{ containerPort: 8080, hostPort: 18080 }],
          readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
        }),
      ],
    });
    await createPod('client', { containers: [shell('app', pause)] });
    const server = await podWhen('server', 'ready', isPodReady);
    await podWhen('client', 'ready', isPodReady);
    const direct = await run('client', say(`${server.status?.podIP}:8080`));
    assert.equal(direct.stdout, 'hello\n', direct.stderr);
    const byPort = await run('client', say('172.30.0.11:18080'));
    assert.equal(byPort.stdout, 'hello\n', byPort.stderr);
    await Promise.all([deletePod('server'), deletePod('client')]);
  });
});

/** CPU time of a cgroup, v1 or v2. */
async function cpuSeconds(path: string): Promise<number> {
  for (const point of await hierarchies()) {
    const v1 = await readFile(join(point, path, 'cpuacct.usage'), 'utf8').catch(() => null);
    if (v1 !== null) return Number(v1) / 1e9;
    const v2 = /^usage_usec (\d+)$/m.exec(await readFile(join(point, path, 'cpu.stat'), 'utf8').catch(() => ''));
    if (v2 !== null && v2[1] !== '0') return Number(v2[1]) / 1e6;
  }
  throw new Error(`no CPU accounting in ${path}`);
}
