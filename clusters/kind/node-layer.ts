import { chmod, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireSpace } from '../disk-space.ts';
import { exec } from '../exec.ts';
import { keepLayer, keptLayer, type Layer } from '../images/archive.ts';
import { goEnvironment, requiredGo } from '../tools/build.ts';
import { type CacheContext, cacheName, cacheRoot, contentHash, ensureCached } from '../tools/cache.ts';
import type { ToolName } from '../tools/cluster-artefacts.ts';
import { goProgram } from '../tools/go.ts';
import { pins } from '../tools/pins.ts';
import { ensureTools, toolPath } from '../tools/tools.ts';
import { type DebianTree, ensureDebianTree } from './debian-tree.ts';

/** What a kind node's file system is made of (https://kind.sigs.k8s.io/docs/design/base-image/). */
const tree: DebianTree = {
  name: 'node image',
  packages: [
    ...['systemd', 'systemd-sysv', 'dbus', 'conntrack', 'iptables', 'nftables', 'iproute2', 'ethtool', 'util-linux'],
    ...['mount', 'kmod', 'libseccomp2', 'pigz', 'bash', 'ca-certificates', 'curl', 'rsync', 'jq', 'procps'],
    ...['hostname', 'socat', 'ebtables', 'containerd', 'runc', 'containernetworking-plugins'],
  ],
};

/** Programs of Kubernetes that run on the node itself. */
const nodePrograms = ['kubelet', 'kubeadm', 'kubectl'] as const satisfies readonly ToolName[];

/** kind applies it to every new cluster; the lab's scenarios have no volumes that need more. */
const storageClass = `apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: standard
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
`;

// kind's units look for containerd where its own image has it. What it removes starts services that a node must not have.
// Containers get the default specification without limits on resources, which a host may not let them have.
const configureScript = `
for program in containerd ctr containerd-shim-runc-v2; do ln -sf /usr/bin/$program /usr/local/bin/$program; done
ln -sf /usr/sbin/runc /usr/local/sbin/runc
mkdir -p /opt/cni/bin /etc/kubernetes/manifests
for plugin in host-local loopback ptp portmap; do ln -sf /usr/lib/cni/$plugin /opt/cni/bin/$plugin; done
units=/lib/systemd/system
rm -f $units/sysinit.target.wants/systemd-tmpfiles-setup.service $units/multi-user.target.wants/* \
  /etc/systemd/system/*.wants/* $units/local-fs.target.wants/* $units/sockets.target.wants/*udev* \
  $units/sockets.target.wants/*initctl* $units/basic.target.wants/*
echo ReadKMsg=no >> /etc/systemd/journald.conf
systemctl enable kubelet.service containerd.service undo-mount-hacks.service
systemctl mask systemd-binfmt.service
ctr oci spec | jq 'del(.process.rlimits)' > /etc/containerd/cri-base.json
sed -i -e 's/^\\( *restrict_oom_score_adj\\) = .*/\\1 = true/' -e 's/pause:3.10"/pause:3.10.1"/' /etc/containerd/config.toml
`;

/** What a build needs at its height, with images and all that is kept of it. */
const buildBytes = 6e9;

/** Raise it when the recipe changes in a way that its inputs do not show. */
const recipeVersion = 3;

/**
 * A node's file system, without images, built from source and Debian packages unless the
 * cache has it. An interrupted build goes on where it was: packages and programs are kept by themselves.
 */
export async function ensureNodeLayer(context: CacheContext): Promise<Layer> {
  await ensureTools([...nodePrograms, 'kind'], context);
  const inputs = {
    recipeVersion,
    tree,
    configureScript,
    storageClass,
    programs: nodePrograms.map((name) => cacheName(toolPath(name))),
  };
  const directory = join(cacheRoot(), `kind-node-${pins.kubernetes.version}-${contentHash(inputs)}`);
  await ensureCached(directory, { name: 'node image', make: (draft) => buildLayer(draft, context) }, context);
  return await keptLayer(directory);
}

async function buildLayer(draft: string, context: CacheContext): Promise<void> {
  const { signal, progress } = context;
  await requireSpace(draft, { bytes: buildBytes, what: 'Building the node image' });
  const debian = await ensureDebianTree(tree, context);
  const work = join(draft, 'work');
  const root = join(work, 'root');
  await mkdir(root, { recursive: true });
  progress('node image: unpacking');
  await exec('tar', ['-xf', debian, '-C', root, '--xattrs', '--xattrs-include=*'], { signal });
  await addFiles(root, context);
  await exec('chroot', [root, 'bash', '-euc', configureScript], { signal });
  progress('node image: packing');
  await keepLayer(root, draft, { owners: true, signal });
  await rm(work, { recursive: true });
}

async function addFiles(root: string, context: CacheContext): Promise<void> {
  const base = await kindBase(context);
  await exec('cp', ['-r', '--no-preserve=mode,ownership', `${base}/.`, root], { signal: context.signal });
  await exec('chmod', ['-R', 'a+rx', join(root, 'usr/local/bin'), join(root, 'kind/bin')], { signal: context.signal });
  for (const program of nodePrograms) {
    await copyFile(toolPath(program), join(root, 'usr/bin', program));
    await chmod(join(root, 'usr/bin', program), 0o755);
  }
  await mkdir(join(root, 'kind/manifests'), { recursive: true });
  await writeFile(join(root, 'kind/version'), `v${pins.kubernetes.version}`);
  await writeFile(join(root, 'kind/manifests/default-cni.yaml'), '');
  await writeFile(join(root, 'kind/manifests/default-storage.yaml'), storageClass);
}

/** The files of kind's own base image: entry point, units, configuration. They come with kind's Go module. */
async function kindBase(context: CacheContext): Promise<string> {
  const module = join(import.meta.dirname, 'tool');
  const go = await goProgram(await requiredGo(module), context);
  const { stdout } = await exec(go, ['list', '-m', '-f', '{{.Dir}}', 'sigs.k8s.io/kind'], {
    cwd: module,
    env: goEnvironment(),
    signal: context.signal,
  });
  return join(stdout.trim(), 'images/base/files');
}
