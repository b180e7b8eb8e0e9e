import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Container, V1Pod } from '@kubernetes/client-node';
import type { Image } from '../../images/images.ts';
import { ociSpec } from './oci-spec.ts';
import { containerPlan } from './plan.ts';

const image: Image = {
  entrypoint: ['/opt/lab/bin/tool'],
  command: ['--default'],
  workingDir: '/',
  env: { PATH: '/bin', FROM: 'image' },
  mounts: [{ source: '/cache/tool', destination: '/opt/lab/bin/tool' }],
};
const context = {
  image,
  nodeName: 'node-1',
  variables: { FROM: 'pod', ARG: 'x' },
  volumeMounts: [{ destination: '/data', type: 'bind', source: '/v', options: ['rbind', 'rw', 'rprivate'] }],
  networkNamespace: '/run/netns/cni-1',
  ipc: { namespace: '/run/lab/ipc/1/namespace', sharedMemory: '/run/lab/ipc/1/shm' },
  cgroupsPath: '/lab/node-1/kubepods/podu/c',
  unifiedCgroups: false,
  swapIsCounted: false,
  sysctls: {},
};
const plan = (container: Partial<V1Container>, spec: Partial<V1Pod['spec']> = {}) =>
  containerPlan(
    { metadata: { name: 'pod', namespace: 'ns' }, spec: { containers: [], ...spec } },
    { name: 'c', image: 'lab/tool', ...container },
    context,
  );

test('a plain container is described in full', () => {
  const spec = ociSpec({
    ...plan({ resources: { limits: { cpu: '500m', memory: '64Mi' } } }),
    capabilities: ['CAP_KILL'],
  });
  assert.deepEqual(spec, {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0, additionalGids: [0] },
      args: ['/opt/lab/bin/tool', '--default'],
      env: ['PATH=/bin', 'FROM=pod', 'HOSTNAME=pod', 'ARG=x'],
      cwd: '/',
      capabilities: { bounding: ['CAP_KILL'], effective: ['CAP_KILL'], permitted: ['CAP_KILL'] },
      noNewPrivileges: false,
    },
    root: { path: 'rootfs', readonly: false },
    hostname: 'pod',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
      {
        destination: '/dev',
        type: 'tmpfs',
        source: 'tmpfs',
        options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
      },
      {
        destination: '/dev/pts',
        type: 'devpts',
        source: 'devpts',
        options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
      },
      {
        destination: '/dev/shm',
        type: 'bind',
        source: '/run/lab/ipc/1/shm',
        options: ['rbind', 'nosuid', 'noexec', 'nodev'],
      },
      { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
      {
        destination: '/sys/fs/cgroup',
        type: 'cgroup',
        source: 'cgroup',
        options: ['nosuid', 'noexec', 'nodev', 'ro', 'relatime'],
      },
      { destination: '/data', type: 'bind', source: '/v', options: ['rbind', 'rw', 'rprivate'] },
      { destination: '/opt/lab/bin/tool', type: 'bind', source: '/cache/tool', options: ['rbind', 'ro', 'rprivate'] },
    ],
    linux: {
      namespaces: [
        { type: 'pid' },
        { type: 'ipc', path: '/run/lab/ipc/1/namespace' },
        { type: 'uts' },
        { type: 'mount' },
        { type: 'network', path: '/run/netns/cni-1' },
      ],
      cgroupsPath: '/lab/node-1/kubepods/podu/c',
      resources: {
        devices: [{ allow: false, access: 'rwm' }],
        cpu: { shares: 512, quota: 50_000, period: 100_000 },
        memory: { limit: 67_108_864 },
      },
      maskedPaths: [
        '/proc/asound',
        '/proc/acpi',
        '/proc/kcore',
        '/proc/keys',
        '/proc/latency_stats',
        '/proc/timer_list',
        '/proc/timer_stats',
        '/proc/sched_debug',
        '/proc/scsi',
        '/sys/firmware',
        '/sys/devices/virtual/powercap',
      ],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  });
});

test('command replaces entrypoint and cmd, args replace cmd alone', () => {
  assert.deepEqual(plan({ args: ['$(ARG)'] }).args, ['/opt/lab/bin/tool', 'x']);
  assert.deepEqual(plan({ command: ['sh'] }).args, ['sh']);
  assert.deepEqual(plan({ command: ['sh'], args: ['-c'] }).args, ['sh', '-c']);
});

test('users and groups come from the container before the pod', () => {
  const pod = { securityContext: { runAsUser: 1, runAsGroup: 2, fsGroup: 3, supplementalGroups: [4] } };
  assert.deepEqual(plan({}, pod).user, { uid: 1, gid: 2, additionalGids: [2, 4, 3] });
  assert.equal(plan({ securityContext: { runAsUser: 1337 } }, pod).user.uid, 1337);
  assert.throws(() => plan({ securityContext: { runAsNonRoot: true } }), { code: 'LAB_CONTAINER_CONFIG' });
});

test('a volume takes the place of a standard mount', () => {
  const shm = { destination: '/dev/shm', type: 'bind', source: '/v', options: [] };
  const { mounts } = ociSpec({ ...plan({}), mounts: [shm] }) as { mounts: { destination: string; source: string }[] };
  assert.deepEqual(
    mounts.filter(({ destination }) => destination === '/dev/shm').map(({ source }) => source),
    ['/v'],
  );
});

test('with cgroup v2 a container sees its own cgroup, a privileged one the mount that the host has', () => {
  const of = (privileged: boolean, unifiedCgroups: boolean) => {
    const container = { name: 'c', securityContext: { privileged } };
    const planned = containerPlan({ spec: { containers: [] } }, container, { ...context, unifiedCgroups });
    const spec = ociSpec(planned) as {
      mounts: { destination: string; type: string }[];
      linux: { namespaces: object[] };
    };
    return {
      namespace: spec.linux.namespaces.some((namespace) => 'type' in namespace && namespace.type === 'cgroup'),
      type: spec.mounts.find(({ destination }) => destination === '/sys/fs/cgroup')?.type,
    };
  };
  assert.deepEqual(of(false, true), { namespace: true, type: 'cgroup' });
  assert.deepEqual(of(true, true), { namespace: false, type: 'bind' });
  assert.deepEqual(of(true, false), { namespace: false, type: 'cgroup' });
});

test('a memory limit holds for memory and swap together, where swap is counted', () => {
  const of = (swapIsCounted: boolean, container: Partial<V1Container>) => {
    const spec = ociSpec({ ...plan(container), swapIsCounted }) as { linux: { resources: { memory?: object } } };
    return spec.linux.resources.memory;
  };
  const limited = { resources: { limits: { memory: '64Mi' } } };
  assert.deepEqual(of(true, limited), { limit: 67_108_864, swap: 67_108_864 });
  assert.deepEqual(of(false, limited), { limit: 67_108_864 });
  assert.equal(of(true, {}), undefined);
});
