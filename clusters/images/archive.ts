import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { commandLine, exec } from '../exec.ts';

/** One layer of an image: an uncompressed tar, and its digest (`sha256:…`), by which engines know it. */
export type Layer = { readonly path: string; readonly digest: string };

/** A container image as an engine loads it. `reference` is its full name with a tag. */
export type ContainerImage = {
  readonly reference: string;
  readonly layers: readonly Layer[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly workingDir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
};

/** A tar that depends on its files alone: their order, owners and times are the same wherever it is made. */
const reproducible = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=gnu'];

/** Makes a layer of a directory's content. `owners`: the files keep their owners rather than belonging to root. */
export async function writeLayer(
  directory: string,
  output: string,
  { owners = false, signal }: { owners?: boolean; signal: AbortSignal },
): Promise<Layer> {
  const flags = owners
    ? reproducible.filter((flag) => !/^--(owner|group)=/.test(flag)).concat('--xattrs', '--xattrs-include=*')
    : reproducible;
  await exec('tar', [...flags, '-cf', output, '-C', directory, '.'], { signal });
  return { path: output, digest: await digestOf(output) };
}

/** A layer of the cache, whose digest is kept beside it: it is a gigabyte to read. */
export async function keptLayer(directory: string): Promise<Layer> {
  const path = join(directory, layerFile);
  return { path, digest: await readFile(`${path}.digest`, 'utf8') };
}

/** Makes a layer for {@link keptLayer}. */
export async function keepLayer(
  source: string,
  directory: string,
  options: { owners: boolean; signal: AbortSignal },
): Promise<void> {
  const { path, digest } = await writeLayer(source, join(directory, layerFile), options);
  await writeFile(`${path}.digest`, digest);
}

const layerFile = 'layer.tar';

/**
 * Writes images as one archive that `docker load`, `podman load` and `ctr images import` read (the format of
 * `docker save`, https://github.com/moby/docker-image-spec). The same images give the same image ids.
 */
export async function writeImageArchive(
  images: readonly ContainerImage[],
  output: string,
  signal: AbortSignal,
): Promise<void> {
  await withStaging(images, (staging) => exec('tar', [...archived(staging), '-f', output], { signal }));
}

/** Hands such an archive to the standard input of a command, without writing it anywhere. */
export async function pipeImageArchive(
  images: readonly ContainerImage[],
  [file, ...args]: readonly [string, ...string[]],
  options: { signal: AbortSignal; env: Readonly<Record<string, string>> },
): Promise<void> {
  await withStaging(images, (staging) => {
    const pipe = `${commandLine('tar', archived(staging))} | ${commandLine(file, args)}`;
    return exec('bash', ['-o', 'pipefail', '-c', pipe], options);
  });
}

function archived(staging: string): string[] {
  return [...reproducible, '--dereference', '-C', staging, '-c', '.'];
}

/** A directory of what the archive has, the layers as links: a hard link would change the layer's time of change. */
async function withStaging(
  images: readonly ContainerImage[],
  body: (staging: string) => Promise<unknown>,
): Promise<void> {
  const staging = await mkdtemp(join(tmpdir(), 'lab-images-'));
  try {
    const layers = new Map(images.flatMap((image) => image.layers.map(({ digest, path }) => [digest, path])));
    for (const [digest, path] of layers) {
      await mkdir(join(staging, hexOf(digest)));
      await symlink(path, join(staging, layerName(digest)));
    }
    const manifest = await Promise.all(
      images.map(async (image) => {
        const config = JSON.stringify(configOf(image));
        const name = `${createHash('sha256').update(config).digest('hex')}.json`;
        await writeFile(join(staging, name), config);
        return {
          Config: name,
          RepoTags: [image.reference],
          Layers: image.layers.map(({ digest }) => layerName(digest)),
        };
      }),
    );
    await writeFile(join(staging, 'manifest.json'), JSON.stringify(manifest));
    await body(staging);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** `sha256:…` of a file's content. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return `sha256:${hash.digest('hex')}`;
}

// The configuration's own digest is the image's id: a time in it is always the same one.
function configOf({ layers, entrypoint, command, workingDir, env, stopSignal }: ContainerImage): object {
  const created = new Date(0).toISOString();
  return {
    architecture: 'amd64',
    os: 'linux',
    created,
    config: {
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      ...(entrypoint.length === 0 ? {} : { Entrypoint: entrypoint }),
      ...(command.length === 0 ? {} : { Cmd: command }),
      WorkingDir: workingDir,
      ...(stopSignal === undefined ? {} : { StopSignal: stopSignal }),
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    history: layers.map(() => ({ created })),
  };
}

function layerName(digest: string): string {
  return `${hexOf(digest)}/layer.tar`;
}

function hexOf(digest: string): string {
  return digest.slice('sha256:'.length);
}
