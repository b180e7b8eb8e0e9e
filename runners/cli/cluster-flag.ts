import { clusterKinds } from '../../clusters/cluster.ts';
import { choiceFlag, switchFlag } from './flag.ts';

/** `--cluster`: nodes as network namespaces (seconds, no images), or those of kind (real kubelets and containerd). */
export const clusterFlag = choiceFlag({
  description: 'kind of cluster: nodes as namespaces, or those of kind',
  choices: clusterKinds,
  default: 'netns',
});

/** `--retain`: to look at what went wrong, or to run again at once. */
export const retainFlag = switchFlag('leave the cluster as it is in the end, failed or not; `lab down` removes it');
