import type { DataPlane, Mode } from '../data-plane.ts';
import { envoyAddedBytes } from '../envoy/http-overhead.ts';
import { enrollPod, sidecarContainers } from './enroll.ts';
import { sidecarEvidence } from './evidence.ts';
import { sidecarExpected } from './expected.ts';
import { inboundSource } from './inbound.ts';
import { installSidecar, removeSidecar, sidecarObjects } from './install.ts';
import { sidecarImages, sidecarPrograms } from './programs.ts';
import { sidecarsReady } from './ready.ts';

const modes: readonly Mode[] = (['l4', 'l7'] as const).flatMap((profile) =>
  (['mtls', 'none'] as const).map((encryption) => ({ profile, encryption, variant: null })),
);

/** One Envoy beside each pod, entered by iptables as Istio's is. */
export const sidecar: DataPlane = {
  id: 'sidecar',
  summary: 'one Envoy per pod behind iptables REDIRECT, as Istio has it; mTLS from pod to pod',
  modes,
  caveats: ({ encryption }) =>
    encryption === 'none' ? ['without mTLS there are no identities: the allow-list by identity is off'] : [],
  supports: ({ encryption }) =>
    encryption === 'wireguard'
      ? { supported: false, reason: 'sidecars encrypt from pod to pod, not from node to node' }
      : { supported: true },
  programs: sidecarPrograms,
  images: sidecarImages,
  objects: sidecarObjects,
  install: installSidecar,
  enroll: enrollPod,
  ready: sidecarsReady,
  evidence: sidecarEvidence,
  expected: sidecarExpected,
  addedBytes: ({ profile }) => (profile === 'l7' ? envoyAddedBytes : null),
  clientAddress: () => inboundSource,
  role(_pod, container) {
    if (container === sidecarContainers.envoy) return 'proxy';
    if (container === sidecarContainers.agent || container === 'control' || container === 'kube-proxy')
      return 'control';
    return null;
  },
  remove: removeSidecar,
};
