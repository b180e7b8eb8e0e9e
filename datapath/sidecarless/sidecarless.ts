import type { DataPlane, Mode } from '../data-plane.ts';
import { sidecarlessEvidence, sidecarlessExpected } from './evidence.ts';
import { sidecarlessFlows } from './flows.ts';
import { installSidecarless, removeSidecarless, sidecarlessObjects } from './install.ts';
import { sidecarlessImages, sidecarlessPrograms } from './programs.ts';
import { servicesReady } from './ready.ts';
import { switchShortcut } from './settings.ts';
import { traceSidecarless } from './trace.ts';

/** Sockets of two pods on one node are joined; without it, everything goes by packets. */
const shortcut = 'shortcut';

const modes: readonly Mode[] = [null, shortcut].map((variant) => ({ profile: 'l4', encryption: 'none', variant }));

/** The lab's own eBPF datapath, with an agent on each node and no proxy on the way. */
export const sidecarless: DataPlane = {
  id: 'sidecarless',
  summary: 'eBPF in the kernel instead of proxies: services at connect time, identity policy at each pod’s link',
  modes,
  caveats: () => [],
  supports: ({ profile, encryption, variant, placement }) => {
    if (variant === shortcut && placement === 'cross-node') {
      return { supported: false, reason: 'sockets of two nodes cannot be joined' };
    }
    if (profile === 'l7') return { supported: false, reason: 'without a proxy nobody looks at HTTP' };
    if (encryption !== 'none') return { supported: false, reason: 'this data plane does not encrypt yet' };
    return { supported: true };
  },
  programs: sidecarlessPrograms,
  images: sidecarlessImages,
  objects: sidecarlessObjects,
  install: installSidecarless,
  enroll: (template) => template,
  ready: servicesReady,
  prepare: (context, { pool, variant }) => switchShortcut(context, pool, variant === shortcut),
  bypassesLinks: ({ variant }) => variant === shortcut,
  evidence: sidecarlessEvidence,
  expected: sidecarlessExpected,
  clientAddress: (_testCase, generator) => generator.status?.podIP ?? '',
  role: (_pod, container) => (container === 'agent' ? 'control' : null),
  flows: sidecarlessFlows,
  tracePolicy: traceSidecarless,
  remove: removeSidecarless,
};
