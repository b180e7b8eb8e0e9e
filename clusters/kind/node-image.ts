import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { exec, tryExec } from '../exec.ts';
import { type ContainerImage, keepLayer, keptLayer, pipeImageArchive } from '../images/archive.ts';
import type { ImageCatalogue } from '../images/images.ts';
import { type CacheContext, cacheName, cacheRoot, contentHash, ensureCached } from '../tools/cache.ts';
import { pins } from '../tools/pins.ts';
import { ensureControlPlaneImages, pauseImage } from './control-plane-images.ts';
import type { Engine } from './engine.ts';
import { importImages } from './image-import.ts';
import { ensureLabImages, referenceOf } from './lab-images.ts';
import { ensureNodeLayer } from './node-layer.ts';

/** Raise it when the recipe changes in a way that its inputs do not show. */
const recipeVersion = 3;

/**
 * Packed images are moved out of containerd's folder: a node's /var is a volume, into which the engine copies all that the
 * image has there, for each node.
 */
const containerd = '/var/lib/containerd';
const contentStore = 'io.containerd.content.v1.content';
const content = '/kind/content';

/** The repository of the node images that are built here, in the engine that runs them. */
const repository = 'datapath-lab/node';

/**
 * The node image, with the lab's images in it: that is as `kind load` would have them, but once for all nodes. Built
 * unless the cache has it; its tag says what it was built from.
 */
export async function ensureNodeImage(images: ImageCatalogue, context: CacheContext): Promise<ContainerImage> {
  const base = await ensureNodeLayer(context);
  const archives = [await ensureControlPlaneImages(context), await ensureLabImages(images, context)];
  const everywhere = [pauseImage, ...namesEverywhere(images).map(referenceOf)];
  // Their names say what the archives were made from.
  const hash = contentHash({ recipeVersion, base: base.digest, archives: archives.map(cacheName), everywhere });
  const directory = join(cacheRoot(), `kind-node-images-${hash}`);
  const make = (draft: string): Promise<void> =>
    addImages(base.path, { archives, unpacked: everywhere }, draft, context);
  await ensureCached(directory, { name: 'images of the node image', series: 'kind-node-images-', make }, context);
  return nodeImage(`${repository}:v${pins.kubernetes.version}-${hash}`, [base, await keptLayer(directory)]);
}

/** Loads the node image into an engine that has it not, in the place of older ones that were built here. */
export async function loadNodeImage(
  engine: Engine,
  image: ContainerImage,
  { signal, progress }: CacheContext,
): Promise<void> {
  const options = { signal, env: engine.env };
  const found = await tryExec(engine.name, ['image', 'inspect', image.reference], options);
  if (found.exitCode === 0) return;
  const { stdout } = await exec(engine.name, ['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}'], options);
  const older = stdout.split('\n').filter((line) => line.split('/').slice(-2).join('/').startsWith(`${repository}:`));
  // One that a container still uses stays.
  if (older.length > 0) await tryExec(engine.name, ['image', 'rm', ...older], options);
  progress('loading the node image');
  await pipeImageArchive([image], [engine.name, 'load'], options);
}

/** Images that every node runs: unpacked once, here, rather than by each. */
function namesEverywhere(images: ImageCatalogue): string[] {
  return Object.keys(images)
    .filter((name) => images[name]?.everywhere)
    .sort();
}

/** Makes the layer that is the images in a node's containerd. */
async function addImages(
  base: string,
  images: { archives: readonly string[]; unpacked: readonly string[] },
  draft: string,
  { signal, progress }: CacheContext,
): Promise<void> {
  progress('node image: adding images');
  const work = join(draft, 'work');
  const [root, layer] = [join(work, 'root'), join(work, 'layer')];
  for (const directory of [root, join(layer, 'var/lib'), join(layer, 'kind')])
    await mkdir(directory, { recursive: true });
  await exec('tar', ['-xf', base, '-C', root, '--xattrs', '--xattrs-include=*'], { signal });
  await importImages(root, images, signal);
  await rename(join(root, containerd), join(layer, containerd));
  await rename(join(layer, containerd, contentStore), join(layer, content));
  await symlink(content, join(layer, containerd, contentStore));
  progress('node image: packing images');
  await keepLayer(layer, draft, { owners: true, signal });
  await rm(work, { recursive: true });
}

function nodeImage(reference: string, layers: ContainerImage['layers']): ContainerImage {
  return {
    reference,
    layers,
    entrypoint: ['/usr/local/bin/entrypoint', '/sbin/init'],
    command: [],
    workingDir: '/',
    env: { container: 'docker', PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    // systemd takes SIGTERM for something else.
    stopSignal: 'SIGRTMIN+3',
  };
}
