import { type Artefact, goArtefact } from './artefact.ts';
import { pins } from './pins.ts';

const kubernetesModule = 'clusters/control-plane/kubernetes';

const kubernetesCommands = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'kubectl',
] as const;

/** What else of Kubernetes runs on a real node. */
const nodeCommands = ['kubelet', 'kubeadm'] as const;

/** A program that clusters themselves are made of. */
export type ToolName = (typeof kubernetesCommands)[number] | (typeof nodeCommands)[number] | 'etcd' | 'kind' | 'pause';

export const kubernetes = kubernetesArtefact('kubernetes', kubernetesCommands);

const etcd: Artefact = {
  name: 'etcd',
  version: pins.etcd.version,
  programs: { etcd: 'etcd' },
  recipe: {
    kind: 'go',
    module: 'clusters/control-plane/etcd',
    packages: { etcd: 'go.etcd.io/etcd/server/v3' },
    release: { pin: pins.etcd, members: [`etcd-v${pins.etcd.version}-linux-amd64/etcd`] },
  },
};

/** All that clusters bring themselves. */
export const clusterArtefacts: readonly Artefact[] = [
  kubernetes,
  kubernetesArtefact('kubernetes-node', nodeCommands),
  etcd,
  goArtefact('kind', { module: 'clusters/kind/tool', version: '0.30.0', package: 'sigs.k8s.io/kind' }),
  goArtefact('pause', { module: 'clusters/kind/pause' }),
];

/** Programs of Kubernetes, of the official release or built. */
function kubernetesArtefact(name: string, commands: readonly ToolName[]): Artefact {
  return {
    name,
    version: pins.kubernetes.version,
    programs: Object.fromEntries(commands.map((command) => [command, command])),
    recipe: {
      kind: 'go',
      module: kubernetesModule,
      packages: Object.fromEntries(commands.map((command) => [command, `k8s.io/kubernetes/cmd/${command}`])),
      linkerFlags: versionFlags(pins.kubernetes.version),
      release: { pin: pins.kubernetes, members: commands.map((command) => `kubernetes/server/bin/${command}`) },
    },
  };
}

/** Without these the programs call themselves v0.0.0, and kubectl warns of a version skew. */
function versionFlags(version: string): string[] {
  const [major, minor] = version.split('.');
  const values = { gitVersion: `v${version}`, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  return ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) =>
    Object.entries(values).flatMap(([name, value]) => ['-X', `${path}.${name}=${value}`]),
  );
}
