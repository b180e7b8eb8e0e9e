import type { V1Service } from '@kubernetes/client-node';
import type { ImageCatalogue } from '../images/images.ts';
import type { Kube } from '../kube/kube.ts';
import type { EventRecorder } from './events.ts';
import type { ReferredObjects } from './volume/referred-objects.ts';

/** What all pods of the runtime share. */
export type RuntimeContext = {
  kube: Kube;
  images: ImageCatalogue;
  /** The lab's subtree in every cgroup hierarchy. */
  cgroupRoot: string;
  objects: ReferredObjects;
  services: () => readonly V1Service[];
  events: EventRecorder;
  log: (line: string) => void;
};
