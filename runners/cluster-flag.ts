import { clusterKinds } from '../clusters/cluster.ts';
import { choiceFlag } from './flag.ts';

/** `--cluster`: nodes as network namespaces (seconds, no images), or those of kind (real kubelets and containerd). */
export const clusterFlag = choiceFlag({
  description: 'kind of cluster: nodes as namespaces, or those of kind',
  choices: clusterKinds,
  default: 'netns',
});
