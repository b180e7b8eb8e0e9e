import assert from 'node:assert/strict';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { V1Container, V1Node, V1Pod } from '@kubernetes/client-node';
import { isPodReady } from '../kube/pod-ready.ts';
import { hierarchies } from '../life/cgroup.ts';
import { containersDirectory, nodePath } from './node/runtime-node.ts';
import { testInside } from './tests/cluster.ts';

const image = 'lab/node-tools';
const shell = (name: string, script: string, more: Partial<V1Container> = {}): V1Container => ({
  name,
  image,
  command: ['sh', '-c', script],
  ...more,
});
const sleeper = (name = 'app', more: Partial<V1Container> = {}): V1Container =>
  shell(name, 'trap "exit 0" TERM; sleep 3600 & wait', more);

const condition = (pod: V1Pod, type: string) => pod.status?.conditions?.find((found) => found.type === type);
const state = (pod: V1Pod) => pod.status?.containerStatuses?.[0]?.state;

testInside(import.meta.filename, { network: false }, (cluster) => {
  test('a node without a network runs pods of the node network only, and says so', async () => {
    const { kube, createPod, podWhen, events, deletePod, installNetwork } = cluster();
    await createPod('early', { containers: [sleeper()] });
    await createPod('host', { hostNetwork: true, containers: [shell('app', 'ip -br address; sleep 3600')] });
    const host = await podWhen('host', 'ready', isPodReady);
    assert.equal(host.status?.podIP, '172.30.0.11');
    assert.equal(host.status?.podIP, host.status?.hostIP);
    assert.match(await cluster().logs('host'), /eth0\S*\s+UP\s+172\.30\.0\.11/);
    assert.ok((await events('early')).some((event) => event.includes('cni plugin not initialized')));
    const node = await kube.json<V1Node>('GET', '/api/v1/nodes/node-1');
    const notReady = node.status?.conditions?.find(({ type }) => type === 'Ready');
    assert.equal(notReady?.status, 'False');
    assert.match(notReady?.message ?? '', /cni plugin not initialized/);

    await installNetwork();
    const early = await podWhen('early', 'ready', isPodReady);
    assert.match(early.status?.podIP ?? '', /^10\.244\.1\.\d+$/);
    await nodeReady('True');
    await Promise.all([deletePod('early'), deletePod('host')]);
  });

  test('init containers, sidecars and containers run in order and end in the reverse', async () => {
    const { createPod, podWhen, deletePod, run } = cluster();
    const volumeMounts = [{ name: 'shared', mountPath: '/shared' }];
    const say = (word: string): string => `echo ${word} >> /shared/order`;
    const onEnd = (word: string): string => `trap '${say(word)}; exit 0' TERM; while :; do sleep 0.1; done`;
    await createPod('order', {
      terminationGracePeriodSeconds: 20,
      volumes: [{ name: 'shared', hostPath: { path: '/var/order', type: 'DirectoryOrCreate' } }],
      initContainers: [
        shell('first', say('first'), { volumeMounts }),
        shell('side', `sleep 0.5; ${say('side')}; touch /started; ${onEnd('side-end')}`, {
          restartPolicy: 'Always',
          volumeMounts,
          startupProbe: { exec: { command: ['test', '-e', '/started'] }, periodSeconds: 1, failureThreshold: 30 },
        }),
        shell('second', say('second'), { volumeMounts }),
      ],
      containers: [shell('app', `${say('app')}; ${onEnd('app-end')}`, { volumeMounts })],
    });
    const waiting = await podWhen('order', 'initialising', (pod) => pod.status?.initContainerStatuses !== undefined);
    assert.equal(state(waiting)?.waiting?.reason, 'PodInitializing');
    assert.equal(waiting.status?.phase, 'Pending');
    const ready = await podWhen('order', 'ready', isPodReady);
    assert.deepEqual(
      ready.status?.initContainerStatuses?.map((status) => [status.ready, status.state?.terminated?.reason]),
      [
        [true, 'Completed'],
        [true, undefined],
        [true, 'Completed'],
      ],
    );
    const { stdout } = await run('order', ['cat', '/shared/order']);
    assert.deepEqual(stdout.trim().split('\n'), ['first', 'side', 'second', 'app']);
    await deletePod('order');
    const { node } = cluster();
    const lines = (await readFile(nodePath(node, '/var/order/order'), 'utf8')).trim().split('\n');
    assert.deepEqual(lines.slice(4), ['app-end', 'side-end']);
  });

  test('a pod that has done its work ends its sidecars and has succeeded', async () => {
    const { createPod, podWhen, deletePod } = cluster();
    await createPod('job', {
      restartPolicy: 'Never',
      initContainers: [sleeper('side', { restartPolicy: 'Always' })],
      containers: [shell('app', 'echo done')],
    });
    const pod = await podWhen('job', 'succeeded', ({ status }) => status?.phase === 'Succeeded');
    assert.equal(condition(pod, 'Ready')?.reason, 'PodCompleted');
    assert.ok(pod.status?.initContainerStatuses?.[0]?.state?.terminated !== undefined);
    assert.equal(await cluster().logs('job', '-c', 'app'), 'done\n');
    await deletePod('job');
  });

  test('a failed init container fails a pod that is never restarted', async () => {
    const { createPod, podWhen, deletePod } = cluster();
    await createPod('failing', {
      restartPolicy: 'Never',
      initContainers: [shell('init', 'echo no > /dev/termination-log; exit 7')],
      containers: [sleeper()],
    });
    const pod = await podWhen('failing', 'failed', ({ status }) => status?.phase === 'Failed');
    const terminated = pod.status?.initContainerStatuses?.[0]?.state?.terminated;
    assert.equal(terminated?.exitCode, 7);
    assert.equal(terminated?.message, 'no\n');
    await deletePod('failing');
  });

  test('probes decide on readiness and restarts', async () => {
    const { createPod, podWhen, deletePod, run, events } = cluster();
    const file = (path: string) => ({
      exec: { command: ['test', '-e', path] },
      ...{ periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 30 },
    });
    await createPod('probed', {
      containers: [
        shell('app', 'touch /alive; trap "exit 3" TERM; sleep 3600 & wait', {
          readinessProbe: file('/ready'),
          livenessProbe: { ...file('/alive'), initialDelaySeconds: 1 },
        }),
      ],
    });
    const before = await podWhen('probed', 'running', (pod) => state(pod)?.running !== undefined);
    assert.equal(isPodReady(before), false);
    await run('probed', ['touch', '/ready']);
    const ready = await podWhen('probed', 'ready', isPodReady);
    await run('probed', ['rm', '/ready']);
    const unready = await podWhen('probed', 'not ready', (pod) => !isPodReady(pod));
    assert.equal(condition(unready, 'Ready')?.reason, 'ContainersNotReady');
    const since = ({ type, pod }: { type: string; pod: V1Pod }) => condition(pod, type)?.lastTransitionTime;
    assert.notEqual(since({ type: 'Ready', pod: ready }), undefined);
    assert.deepEqual(since({ type: 'Initialized', pod: unready }), since({ type: 'Initialized', pod: before }));
    await run('probed', ['rm', '/alive']);
    const restarted = await podWhen(
      'probed',
      'restarted',
      ({ status }) => status?.containerStatuses?.[0]?.restartCount === 1,
    );
    assert.equal(restarted.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 3);
    const seen = await events('probed');
    assert.ok(seen.includes('Killing: Container app failed liveness probe, will be restarted'), seen.join('\n'));
    assert.ok(seen.some((event) => event.startsWith('Unhealthy: Readiness probe failed')));
    await deletePod('probed');
  });

  test('http and tcp probes reach the pod from outside it', async () => {
    const { createPod, podWhen, deletePod } = cluster();
    const serve = `perl -MIO::Socket -e '$s=IO::Socket::INET->new(LocalPort=>8080,Listen=>5,ReuseAddr=>1); while($c=$s->accept){ sysread $c,$b,4096; print $c "HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok"; close $c }'`;
    await createPod('served', {
      containers: [
        shell('app', serve, {
          ports: [{ name: 'web', containerPort: 8080 }],
          startupProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1, failureThreshold: 20 },
          readinessProbe: { httpGet: { port: 'web', path: '/ready' }, periodSeconds: 1 },
        }),
      ],
    });
    await podWhen('served', 'ready', isPodReady);
    await deletePod('served');
  });

  test('a container that ends is restarted at once, then ever later', async () => {
    const { createPod, podWhen, deletePod, logs, events } = cluster();
    await createPod('crashing', { containers: [shell('app', 'echo run; exit 5')] });
    const pod = await podWhen(
      'crashing',
      'backing off',
      (found) => state(found)?.waiting?.reason === 'CrashLoopBackOff',
    );
    const status = pod.status?.containerStatuses?.[0];
    assert.match(
      status?.state?.waiting?.message ?? '',
      /^back-off 10s restarting failed container=app pod=crashing_default/,
    );
    assert.equal(status?.lastState?.terminated?.exitCode, 5);
    assert.equal(status?.restartCount, 1);
    assert.equal(pod.status?.phase, 'Running');
    assert.equal(await logs('crashing', '--previous'), 'run\n');
    assert.ok((await events('crashing')).some((event) => event.startsWith('BackOff: Back-off restarting failed')));
    await deletePod('crashing');
  });

  test('what cannot be run says why', async () => {
    const { createPod, podWhen, deletePod, events, kube } = cluster();
    await createPod('unknown', { containers: [{ name: 'app', image: 'nginx:1.29' }] });
    await createPod('typo', { containers: [{ name: 'app', image, command: ['no-such-program'] }] });
    await createPod('unset', {
      containers: [
        sleeper('app', { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'late', key: 'a' } } }] }),
      ],
    });
    await createPod('disk', { volumes: [{ name: 'v', nfs: { server: 'x', path: '/' } }], containers: [sleeper()] });
    await podWhen('unknown', 'ErrImagePull', (pod) => state(pod)?.waiting?.reason === 'ErrImagePull');
    await podWhen('unknown', 'ImagePullBackOff', (pod) => state(pod)?.waiting?.reason === 'ImagePullBackOff');
    assert.ok((await events('unknown')).some((event) => /Failed to pull image "nginx:1.29"/.test(event)));
    const typo = await podWhen(
      'typo',
      'failed',
      ({ status }) => status?.containerStatuses?.[0]?.lastState?.terminated !== undefined,
    );
    assert.equal(typo.status?.containerStatuses?.[0]?.lastState?.terminated?.reason, 'StartError');
    assert.match(
      typo.status?.containerStatuses?.[0]?.lastState?.terminated?.message ?? '',
      /no-such-program.*not found/,
    );
    const unset = await podWhen(
      'unset',
      'refused',
      (pod) => state(pod)?.waiting?.reason === 'CreateContainerConfigError',
    );
    assert.equal(state(unset)?.waiting?.message, 'configmap "late" not found');
    await kube.apply([{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'late' }, data: { a: '1' } } as object]);
    await podWhen('unset', 'running', (pod) => state(pod)?.running !== undefined);
    assert.ok(
      (await events('disk')).some((event) =>
        /FailedMount: .*volume "v" : volumes of type nfs are not supported/.test(event),
      ),
    );
    await Promise.all(['unknown', 'typo', 'unset', 'disk'].map(deletePod));
  });

  test('a pod is ended gracefully: preStop, SIGTERM, and the last line of its log', async () => {
    const { createPod, podWhen, logs, kubectl } = cluster();
    await createPod('graceful', {
      terminationGracePeriodSeconds: 20,
      containers: [
        shell('app', 'trap "echo terminated; exit 0" TERM; while :; do sleep 0.1; done', {
          lifecycle: { preStop: { exec: { command: ['sh', '-c', 'echo stopping > /proc/1/fd/1; sleep 2'] } } },
        }),
      ],
    });
    await podWhen('graceful', 'ready', isPodReady);
    const following = logs('-f', 'graceful');
    const began = Date.now();
    const { exitCode } = await kubectl(['delete', 'pod', 'graceful', '--wait=true', '--timeout=20s']);
    assert.equal(exitCode, 0);
    assert.ok(Date.now() - began < 10_000, 'it ended by itself, not by SIGKILL');
    assert.equal(await following, 'stopping\nterminated\n');
  });

  test('a container that ignores SIGTERM is killed when the grace period is over', async () => {
    const { createPod, podWhen, deletePod } = cluster();
    await createPod('deaf', {
      terminationGracePeriodSeconds: 3,
      containers: [shell('app', 'trap "" TERM; sleep 3600')],
    });
    await podWhen('deaf', 'ready', isPodReady);
    const began = Date.now();
    await deletePod('deaf');
    const seconds = (Date.now() - began) / 1000;
    assert.ok(seconds >= 2.9 && seconds < 8, `${seconds} s`);
  });

  test('a pod that is deleted by force is cleaned up behind its object', async () => {
    const { createPod, podWhen, kubectl, node } = cluster();
    await createPod('forced', { containers: [sleeper()] });
    const pod = await podWhen('forced', 'ready', isPodReady);
    const { exitCode } = await kubectl(['delete', 'pod', 'forced', '--force', '--grace-period=0']);
    assert.equal(exitCode, 0);
    // One of the same name is another pod.
    await createPod('forced', { containers: [sleeper()] });
    const next = await podWhen('forced', 'ready', isPodReady);
    assert.notEqual(next.metadata?.uid, pod.metadata?.uid);
    assert.notEqual(next.status?.podIP, undefined);
    await cluster().deletePod('forced');
    const volumes = nodePath(node, `/var/lib/kubelet/pods/${pod.metadata?.uid}`);
    const deadline = Date.now() + 10_000;
    while ((await stat(volumes).catch(() => null)) !== null) {
      assert.ok(Date.now() < deadline);
      await delay(20);
    }
  });

  test('a pod has only so long when it has a deadline', async () => {
    const { createPod, podWhen, deletePod } = cluster();
    await createPod('late', { activeDeadlineSeconds: 1, containers: [sleeper()] });
    const pod = await podWhen('late', 'failed', ({ status }) => status?.phase === 'Failed');
    assert.equal(pod.status?.reason, 'DeadlineExceeded');
    await deletePod('late');
  });

  test('Deployments and DaemonSets roll out', async () => {
    const { kubectl } = cluster();
    const template = (value: string) => ({
      metadata: { labels: { app: 'roll' } },
      spec: { terminationGracePeriodSeconds: 1, containers: [sleeper('app', { env: [{ name: 'V', value }] })] },
    });
    const selector = { matchLabels: { app: 'roll' } };
    const metadata = { name: 'roll' };
    const deployment = (value: string) =>
      JSON.stringify({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata,
        spec: { replicas: 2, selector, template: template(value) },
      });
    const set = { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata, spec: { selector, template: template('1') } };
    const apply = async (text: string): Promise<void> => {
      const { exitCode, stderr } = await kubectl(['apply', '-f', '-'], text);
      assert.equal(exitCode, 0, stderr);
    };
    const rolledOut = async (what: string): Promise<void> => {
      const { exitCode, stdout, stderr } = await kubectl(['rollout', 'status', what, '--timeout=30s']);
      assert.equal(exitCode, 0, stdout + stderr);
    };
    await apply(JSON.stringify(set));
    await apply(deployment('1'));
    await rolledOut('daemonset/roll');
    await rolledOut('deployment/roll');
    await apply(deployment('2'));
    await rolledOut('deployment/roll');
    const { exitCode } = await kubectl([
      'delete',
      'deployment,daemonset',
      'roll',
      '--cascade=foreground',
      '--timeout=20s',
    ]);
    assert.equal(exitCode, 0);
  });

  test('a network that fails is reported and tried again', async () => {
    const { createPod, podWhen, deletePod, events, node } = cluster();
    const networks = nodePath(node, '/etc/cni/net.d');
    const [valid, aside, broken] = ['10-test.conflist', 'aside', '00-broken.conflist'].map((name) =>
      join(networks, name),
    );
    assert.ok(valid !== undefined && aside !== undefined && broken !== undefined);
    // A change of the directory takes effect in its own time: the node says when.
    await rename(valid, aside);
    await nodeReady('False');
    await writeFile(broken, JSON.stringify({ cniVersion: '1.0.0', name: 'broken', plugins: [{ type: 'absent' }] }));
    await nodeReady('True');
    await createPod('unlucky', { containers: [sleeper()] });
    const failed = async (): Promise<boolean> =>
      (await events('unlucky')).some((event) => /FailedCreatePodSandBox: .*failed to find plugin "absent"/.test(event));
    while (!(await failed())) await podWhen('unlucky', 'pending', ({ status }) => status?.phase === 'Pending');
    await rename(aside, valid);
    await rm(broken);
    await podWhen('unlucky', 'ready', isPodReady);
    await deletePod('unlucky');
  });

  test('nothing is left of pods that are gone', async () => {
    const { node, cgroupRoot, lines } = cluster();
    assert.deepEqual(await readdir(nodePath(node, containersDirectory)), []);
    assert.deepEqual(await readdir(nodePath(node, '/run/netns')), []);
    assert.deepEqual(await readdir(nodePath(node, '/var/lib/kubelet/pods')), []);
    assert.deepEqual(await readdir(nodePath(node, '/var/log/pods')), []);
    for (const point of await hierarchies()) {
      const pods = join(point, cgroupRoot, node.name, 'kubepods');
      if ((await stat(pods).catch(() => null)) === null) continue;
      const left = (await readdir(pods, { withFileTypes: true })).filter((entry) => entry.isDirectory());
      assert.deepEqual(left, [], pods);
    }
    assert.deepEqual(lines, []);
  });

  test('a node can leave with its pods', async () => {
    const { createPod, podWhen, kube, runtime, cgroupRoot } = cluster();
    await createPod('leaving', { containers: [sleeper()] });
    await podWhen('leaving', 'ready', isPodReady);
    await runtime.removeNode('node-1');
    const { items } = await kube.json<{ items: V1Pod[] }>('GET', '/api/v1/namespaces/default/pods');
    assert.deepEqual(items, []);
    assert.equal((await kube.request('GET', '/api/v1/nodes/node-1')).status, 404);
    for (const point of await hierarchies())
      assert.equal(await stat(join(point, cgroupRoot, 'node-1')).catch(() => null), null);
  });

  async function nodeReady(status: 'True' | 'False'): Promise<void> {
    await cluster().kube.waitFor<V1Node>('/api/v1/nodes', {
      signal: AbortSignal.timeout(30_000),
      timeoutSeconds: 30,
      what: `the node’s condition Ready to be ${status}`,
      condition: ([found]) => found?.status?.conditions?.find(({ type }) => type === 'Ready')?.status === status,
    });
  }
});
