import type { V1Container, V1Pod } from '@kubernetes/client-node';
import type { Image } from '../../images/images.ts';
import type { ReportEvent } from '../events.ts';
import type { RuntimeNode } from '../node/runtime-node.ts';
import type { ContainerPlan } from './oci-spec.ts';
import type { EtcFiles } from './rootfs.ts';

/** What a container needs of its pod. */
export type ContainerContext = {
  node: RuntimeNode;
  pod: () => V1Pod;
  podIp: () => string;
  etc: () => EtcFiles;
  findImage: (reference: string) => Image | null;
  /** @throws LabError LAB_CONTAINER_CONFIG */
  plan: (container: V1Container, image: Image, id: string) => Promise<ContainerPlan>;
  event: ReportEvent;
  /** The record has changed. */
  changed: () => void;
};
