import type { DataPlane, Mode } from '../data-plane.ts';
import { switchAllowList } from './allow-list.ts';
import { sidecarlessEvidence, sidecarlessExpected } from './evidence.ts';
import { sidecarlessFlows } from './flows.ts';
import { installSidecarless, removeSidecarless, sidecarlessObjects } from './install.ts';
import { sidecarlessImages, sidecarlessPrograms } from './programs.ts';
import { servicesReady } from './ready.ts';
import { switchShortcut } from './settings.ts';
import { traceSidecarless } from './trace.ts';
import { noPolicy, shortcut } from './variants.ts';

const modes: readonly Mode[] = [null, noPolicy, shortcut].map((variant) => ({
  profile: 'l4',
  encryption: 'none',
  variant,
}));

/** The lab's own eBPF datapath, with an agent on each node and no proxy on the way. */
export const sidecarless: DataPlane = {
  id: 'sidecarless',
  summary: 'eBPF in the kernel instead of proxies: services at connect time, identity policy at each pod’s link',
  modes,
  caveats: ({ variant }) =>
    variant === noPolicy ? ['no policy is in force: the allow-list by identity, which other rows enforce, is off'] : [],
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
  async prepare(context, { pool, variant }) {
    await switchShortcut(context, pool, variant === shortcut);
    await switchAllowList(context, pool, variant !== noPolicy);
  },
  bypassesLinks: ({ variant }) => variant === shortcut,
  evidence: sidecarlessEvidence,
  expected: sidecarlessExpected,
  clientAddress: (_testCase, generator) => generator.status?.podIP ?? '',
  role: (_pod, container) => (container === 'agent' ? 'control' : null),
  flows: sidecarlessFlows,
  tracePolicy: traceSidecarless,
  remove: removeSidecarless,
};
