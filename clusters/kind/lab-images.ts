import { cp, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ContainerImage, digestOf, type Layer, writeImageArchive, writeLayer } from '../images/archive.ts';
import type { Image, ImageCatalogue } from '../images/images.ts';
import { type CacheContext, cacheName, cacheRoot, contentHash, ensureCached } from '../tools/cache.ts';
import { type DebianTree, ensureDebianTree } from './debian-tree.ts';

/** What a container of the embedded cluster has of the host's /usr, one on kind has of this. */
const base: DebianTree = {
  name: 'base of the lab’s images',
  without: [
    '/usr/share/perl',
    '/usr/lib/x86_64-linux-gnu/perl',
    '/usr/lib/x86_64-linux-gnu/gconv',
    '/var/lib/dpkg/info',
  ],
  packages: [
    'iptables',
    'iproute2',
    'tcpdump',
    'procps',
    'conntrack',
    'ethtool',
    'iperf3',
    'kmod',
    'mount',
    'util-linux',
    'libstdc++6',
    'libbpf1',
  ],
};

type Described = { name: string; image: Image };

/**
 * The catalogue's images but the late ones in one archive for `kind load`, made unless the cache has it; the programs in
 * them are there. The same programs and sources give the same image ids. @returns the archive's path, which says what it
 * was made from.
 */
export async function ensureLabImages(images: ImageCatalogue, context: CacheContext): Promise<string> {
  const described = Object.entries(images)
    .filter(([, { late }]) => !late)
    .map(([name, image]) => ({ name, image }));
  // Every source is a tool of the cache, whose name says what it was made from, or Node.
  const nameOf = (source: string): string => (source === process.execPath ? process.version : cacheName(source));
  const hash = contentHash({
    base,
    described: described.map(({ name, image }) => ({
      name,
      image: { ...image, mounts: image.mounts.map(({ source, destination }) => [nameOf(source), destination]) },
    })),
  });
  const directory = join(cacheRoot(), `kind-images-${hash}`);
  const make = (draft: string): Promise<void> => makeImages(described, draft, context);
  await ensureCached(directory, { name: 'the lab’s images', series: 'kind-images-', make }, context);
  return join(directory, 'images.tar');
}

/** An image's name in an engine, with the tag of all of them. */
export function referenceOf(name: string): string {
  return `docker.io/${name}:lab`;
}

async function makeImages(described: readonly Described[], draft: string, context: CacheContext): Promise<void> {
  const { signal, progress } = context;
  const tree = await ensureDebianTree(base, context);
  const baseLayer = { path: tree, digest: await digestOf(tree) };
  progress('the lab’s images: packing');
  const work = join(draft, 'work');
  await mkdir(work);
  const layers = new Map<string, Layer>();
  const layerOf = async ({ source, destination }: Image['mounts'][number]): Promise<Layer> => {
    const key = `${source} ${destination}`;
    const known = layers.get(key);
    if (known !== undefined) return known;
    const root = join(work, `layer-${layers.size}`);
    await mkdir(join(root, dirname(destination)), { recursive: true });
    await cp(source, join(root, destination), { recursive: true });
    const layer = await writeLayer(root, `${root}.tar`, { signal });
    await rm(root, { recursive: true });
    layers.set(key, layer);
    return layer;
  };
  const made: ContainerImage[] = [];
  for (const { name, image } of described) {
    const own: Layer[] = [];
    for (const mount of image.mounts) own.push(await layerOf(mount));
    made.push({ ...image, reference: referenceOf(name), layers: [baseLayer, ...own] });
  }
  await writeImageArchive(made, join(draft, 'images.tar'), signal);
  await rm(work, { recursive: true });
}
