import { type ImageSource, programImage } from '../../clusters/images/image-source.ts';
import { kubernetes } from '../../clusters/tools/cluster-artefacts.ts';

/** The real kube-proxy, which is built together with the control plane. */
export const baseNetworkPrograms = [kubernetes] as const;

export const baseNetworkImages: readonly ImageSource[] = [
  { ...programImage(kubernetes, 'kube-proxy'), everywhere: true },
];
