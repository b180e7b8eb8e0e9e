import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { exec, tryExec } from '../exec.ts';
import { type ContainerImage, keepLayer, keptLayer, pipeImageArchive } from '../image-archive.ts';
import { pins } from '../pins.ts';
import { type CacheContext, cacheRoot, contentHash, ensureCached } from '../tool-cache.ts';
import type { Engine } from './engine.ts';
import { importImages } from './image-import.ts';
import { ensureLabImages } from './lab-images.ts';
import { ensureNodeLayer } from './node-layer.ts';

/** Raise it when the recipe changes in a way that its inputs do not show. */
const recipeVersion = 1;

/** The repository of the node images that are built here, in the engine that runs them. */
const repository = 'datapath-lab/node';

/**
 * The node image, with the lab's images in it: that is as `kind load` would have them, but once for all nodes. Built
 * unless the cache has it; its tag says what it was built from.
 */
export async function ensureNodeImage(context: CacheContext): Promise<ContainerImage> {
  const base = await ensureNodeLayer(context);
  const images = await ensureLabImages(context);
  const hash = contentHash({ recipeVersion, base: base.digest, images: images.hash });
  const directory = join(cacheRoot(), `kind-node-images-${hash}`);
  const make = (draft: string): Promise<void> => addImages(base.path, images.archive, draft, context);
  await ensureCached(directory, { name: 'the lab’s images in the node image', make }, context);
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

/** Makes the layer that importing the images adds to a node's file system. */
async function addImages(
  base: string,
  archive: string,
  draft: string,
  { signal, progress }: CacheContext,
): Promise<void> {
  progress('the lab’s images: into the node image');
  const work = join(draft, 'work');
  const [lower, upper, merged] = ['lower', 'upper', 'merged'].map((name) => join(work, name)) as [
    string,
    string,
    string,
  ];
  for (const directory of [lower, upper, merged, join(work, 'overlay')]) await mkdir(directory, { recursive: true });
  await exec('tar', ['-xf', base, '-C', lower, '--xattrs', '--xattrs-include=*'], { signal });
  const overlay = `lowerdir=${lower},upperdir=${upper},workdir=${join(work, 'overlay')}`;
  await importImages(merged, { archive, overlay }, signal);
  // In a layer a deletion is not what it is in an overlay; importing deletes nothing that was there.
  const { stdout } = await exec('find', [upper, '-type', 'c'], { signal });
  if (stdout !== '') throw new Error(`importing images deleted files of the node image: ${stdout}`);
  await keepLayer(upper, draft, { owners: true, signal });
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
