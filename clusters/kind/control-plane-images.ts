import { chmod, copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ContainerImage, writeImageArchive, writeLayer } from '../images/archive.ts';
import { type CacheContext, cacheName, cacheRoot, contentHash, ensureCached } from '../tools/cache.ts';
import type { ToolName } from '../tools/cluster-artefacts.ts';
import { pins } from '../tools/pins.ts';
import { ensureTools, toolPath } from '../tools/tools.ts';

/** The image of which every pod is the child. */
export const pauseImage = 'registry.k8s.io/pause:3.10.1';

/** Those that kubeadm runs in containers, by the name of the image that it asks for. */
const controlPlane: readonly { program: ToolName; image: string }[] = [
  ...(['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const).map((program) => ({
    program,
    image: `registry.k8s.io/${program}:v${pins.kubernetes.version}`,
  })),
  { program: 'etcd', image: `registry.k8s.io/etcd:${pins.etcd.version}-0` },
  { program: 'pause', image: pauseImage },
];

/** The images that kubeadm asks for, in one archive, one static program each. @returns the archive's path. */
export async function ensureControlPlaneImages(context: CacheContext): Promise<string> {
  const programs = controlPlane.map(({ program }) => program);
  await ensureTools(programs, context);
  const hash = contentHash({ controlPlane, programs: programs.map((name) => cacheName(toolPath(name))) });
  const directory = join(cacheRoot(), `kind-control-plane-${hash}`);
  await ensureCached(
    directory,
    { name: 'images of the control plane', make: (draft) => make(draft, context) },
    context,
  );
  return join(directory, 'images.tar');
}

async function make(draft: string, { signal, progress }: CacheContext): Promise<void> {
  progress('images of the control plane: packing');
  const work = join(draft, 'work');
  const images: ContainerImage[] = [];
  for (const { program, image } of controlPlane) {
    const directory = join(work, program, 'usr/local/bin');
    await mkdir(directory, { recursive: true });
    await copyFile(toolPath(program), join(directory, program));
    await chmod(join(directory, program), 0o755);
    images.push({
      reference: image,
      layers: [await writeLayer(join(work, program), join(work, `${program}.tar`), { signal })],
      entrypoint: [`/usr/local/bin/${program}`],
      command: [],
      workingDir: '/',
      env: { PATH: '/usr/local/bin' },
    });
  }
  await writeImageArchive(images, join(draft, 'images.tar'), signal);
  await rm(work, { recursive: true });
}
