import { readdirSync, readFileSync, statSync } from 'node:fs';
import { cp, mkdir, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { z } from 'zod';
import { type ContainerImage, digestOf, type Layer, writeImageArchive, writeLayer } from '../image-archive.ts';
import { type Image, images, repository } from '../images.ts';
import { type CacheContext, cacheRoot, contentHash, ensureCached } from '../tool-cache.ts';
import { ensureTools } from '../tools.ts';
import { type DebianTree, writeDebianTree } from './debian-tree.ts';

/** What a container of the embedded cluster has of the host's /usr, one on kind has of this. */
const base: DebianTree = {
  name: 'base of the lab’s images',
  packages: ['iptables', 'iproute2', 'tcpdump', 'procps', 'conntrack', 'ethtool', 'kmod', 'mount', 'util-linux'],
};

type Described = { name: string; image: Image };

/** The tag of every image of the lab. */
const tag = 'lab';

/**
 * The lab's own programs as container images, in one archive for `kind load`, made unless the cache has it. The same
 * programs and sources give the same image ids.
 */
export async function ensureLabImages(context: CacheContext): Promise<string> {
  await ensureTools(['workload', 'k6', 'fortio', 'envoy', 'envoy-descriptors', 'kube-proxy'], context);
  const described = Object.entries(images).map(([name, describe]) => ({ name, image: describe() }));
  const sources = described.flatMap(({ image }) => image.mounts.map(({ source }) => source));
  const hash = contentHash({
    base,
    described,
    sources: Object.fromEntries(sources.map((path) => [path, fingerprint(path)])),
  });
  const directory = join(cacheRoot(), `kind-images-${hash}`);
  const make = async (draft: string): Promise<void> => makeImages(described, await ensureBase(context), draft, context);
  await ensureCached(directory, { name: 'the lab’s images', make }, context);
  return join(directory, 'images.tar');
}

async function ensureBase(context: CacheContext): Promise<Layer> {
  const directory = join(cacheRoot(), `kind-base-${contentHash(base)}`);
  const make = (draft: string): Promise<void> => writeDebianTree(base, join(draft, 'base.tar'), context);
  await ensureCached(directory, { name: base.name, make }, context);
  const path = join(directory, 'base.tar');
  return { path, digest: await digestOf(path) };
}

async function makeImages(
  described: readonly Described[],
  baseLayer: Layer,
  draft: string,
  { signal, progress }: CacheContext,
): Promise<void> {
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
    await cp(source, join(root, destination), { recursive: true, filter: isShipped });
    const layer = await writeLayer(root, `${root}.tar`, { signal });
    await rm(root, { recursive: true });
    layers.set(key, layer);
    return layer;
  };
  const made: ContainerImage[] = [];
  for (const { name, image } of described) {
    const own: Layer[] = [];
    for (const mount of image.mounts) own.push(await layerOf(mount));
    made.push({ ...image, reference: `docker.io/${name}:${tag}`, layers: [baseLayer, ...own] });
  }
  await writeImageArchive(made, join(draft, 'images.tar'), signal);
  await rm(work, { recursive: true });
}

const Lockfile = z.object({ packages: z.record(z.string(), z.object({ dev: z.boolean().optional() })) });

let developmentPackages: ReadonlySet<string> | undefined;

// Tests, and packages that only development needs, stay out: they are half of it all.
function isShipped(path: string): boolean {
  if (path.endsWith('.test.ts')) return false;
  developmentPackages ??= new Set(
    Object.entries(Lockfile.parse(JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8'))).packages)
      .filter(([, { dev }]) => dev === true)
      .map(([folder]) => folder),
  );
  return !developmentPackages.has(relative(repository, path));
}

/** What changes when what is there does: tools by their path, which says what they were made from, sources by content. */
function fingerprint(path: string): unknown {
  if (!path.startsWith(`${repository}/`)) return null;
  if (path === join(repository, 'node_modules')) return readFileSync(join(repository, 'package-lock.json'), 'utf8');
  if (statSync(path).isFile()) return readFileSync(path, 'utf8');
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(isShipped)
    .sort()
    .map((file) => [relative(path, file), contentHash({ text: readFileSync(file, 'utf8') })]);
}
