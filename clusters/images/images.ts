import { z } from 'zod';
import { programPath } from '../tools/programs.ts';
import { type ImageSource, imagePrograms } from './image-source.ts';

/** A container image: what Docker calls its configuration, and the files that it is made of. */
export const Image = z.strictObject({
  entrypoint: z.array(z.string()).readonly(),
  command: z.array(z.string()).readonly(),
  workingDir: z.string(),
  env: z.record(z.string(), z.string()),
  /** Files and directories of the host (absolute paths) that the image has beside the host's /usr, all read-only. */
  mounts: z.array(z.strictObject({ source: z.string(), destination: z.string() })).readonly(),
  /** See {@link ImageSource}; and so `late`. */
  everywhere: z.literal(true).optional(),
  late: z.literal(true).optional(),
});
export type Image = Readonly<z.infer<typeof Image>>;

/** Images by name without tag, as plain data: what a cluster is handed. */
export const ImageCatalogue = z.record(z.string(), Image);
export type ImageCatalogue = Readonly<Record<string, Image>>;

const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What a cluster has by itself: the host's programs and no others. */
export const ownImages: ImageCatalogue = { 'lab/node-tools': { ...image([]), everywhere: true } };

/**
 * The catalogue of what is brought to a cluster, and of its own images. Where the programs are depends on what they are
 * made from, and making them is the caller's business.
 */
export function catalogueOf(sources: readonly ImageSource[]): ImageCatalogue {
  return { ...ownImages, ...Object.fromEntries(sources.map((source) => [source.name, imageOf(source)])) };
}

/**
 * The image of a reference (`lab/k6`, `lab/k6:latest`, `docker.io/lab/k6:lab`), null where the lab has none: it has one version
 * of each, and no registry.
 */
export function findImage(catalogue: ImageCatalogue, reference: string): Image | null {
  const [, name, tag] = /^(?:docker\.io\/)?(.+?)(?::([\w.-]+))?$/.exec(reference) ?? [];
  if (name === undefined || (tag !== undefined && tag !== 'latest' && tag !== 'lab')) return null;
  return Object.hasOwn(catalogue, name) ? (catalogue[name] ?? null) : null;
}

function imageOf({ files, node, entrypoint = [], everywhere, late }: ImageSource): Image {
  return {
    ...image([
      ...(node ? [{ source: process.execPath, destination: `${imagePrograms}/node` }] : []),
      ...files.map(({ artefact, program, path }) => ({ source: programPath(artefact, program), destination: path })),
    ]),
    entrypoint,
    ...(everywhere ? { everywhere } : {}),
    ...(late ? { late } : {}),
  };
}

function image(mounts: Image['mounts']): Image {
  return { entrypoint: [], command: [], workingDir: '/', env: { PATH: `${imagePrograms}:${systemPath}` }, mounts };
}
