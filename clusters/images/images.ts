import { type ToolName, toolPath } from '../tools/tools.ts';

/** A program of the lab as a container image: what Docker calls its configuration, and the files that it is made of. */
export type Image = {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly workingDir: string;
  readonly env: Readonly<Record<string, string>>;
  /** Files and directories of the host (absolute paths) that the image has beside the host's /usr, all read-only. */
  readonly mounts: readonly { readonly source: string; readonly destination: string }[];
};

/** Images by name without tag. Functions, because where a tool is depends on what it is made from. */
export type ImageCatalogue = Readonly<Record<string, () => Image>>;

/** Where an image's own programs are. */
const binaries = '/opt/lab/bin';

const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What the images of every run are made of. fortio is fetched only when it is asked for. */
export const imageTools: readonly ToolName[] = [
  'envoy',
  'envoy-descriptors',
  'k6',
  'kube-proxy',
  'sidecar-agent',
  'sidecar-control',
  'sidecar-drain',
  'sidecarless-agent',
  'sidecarless-bpf',
  'sidecarless-cni',
  'koffi',
  'workload',
];

/** All images of the lab. */
export const images: ImageCatalogue = {
  'lab/workload': () => toolImage('workload'),
  'lab/k6': () => toolImage('k6'),
  'lab/fortio': () => toolImage('fortio'),
  'lab/envoy': () => toolImage('envoy'),
  'lab/kube-proxy': () => toolImage('kube-proxy'),
  'lab/datapath': () =>
    image([
      { source: process.execPath, destination: `${binaries}/node` },
      ...(['sidecar-control', 'sidecar-agent', 'sidecar-drain'] as const).map((name) => ({
        source: toolPath(name),
        destination: `${binaries}/${name}.mjs`,
      })),
      { source: toolPath('envoy-descriptors'), destination: '/opt/lab/share/envoy-descriptors.binpb' },
    ]),
  'lab/sidecarless': () =>
    image([
      { source: process.execPath, destination: `${binaries}/node` },
      { source: toolPath('sidecarless-agent'), destination: `${binaries}/sidecarless-agent.mjs` },
      { source: toolPath('sidecarless-bpf'), destination: '/opt/lab/share/bpf' },
      { source: toolPath('sidecarless-cni'), destination: '/opt/lab/share/cni/lab-sidecarless' },
      // Where koffi looks for it from the program's folder.
      { source: toolPath('koffi'), destination: '/opt/build/koffi/linux_x64/koffi.node' },
    ]),
  'lab/node-tools': () => image([]),
};

/**
 * The image of a reference (`lab/k6`, `lab/k6:latest`, `docker.io/lab/k6:lab`), null where the lab has none: it has one version
 * of each, and no registry.
 */
export function findImage(catalogue: ImageCatalogue, reference: string): Image | null {
  const [, name, tag] = /^(?:docker\.io\/)?(.+?)(?::([\w.-]+))?$/.exec(reference) ?? [];
  if (name === undefined || (tag !== undefined && tag !== 'latest' && tag !== 'lab')) return null;
  return Object.hasOwn(catalogue, name) ? (catalogue[name]?.() ?? null) : null;
}

function toolImage(name: 'workload' | 'k6' | 'fortio' | 'envoy' | 'kube-proxy'): Image {
  const program = `${binaries}/${name}`;
  return { ...image([{ source: toolPath(name), destination: program }]), entrypoint: [program] };
}

function image(mounts: Image['mounts']): Image {
  return { entrypoint: [], command: [], workingDir: '/', env: { PATH: `${binaries}:${systemPath}` }, mounts };
}
