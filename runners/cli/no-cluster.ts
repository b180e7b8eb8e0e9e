import { LabError } from '../../clusters/error.ts';

/** What a command says that needs a cluster and finds none. */
export function noCluster(): LabError {
  return new LabError('LAB_NO_CLUSTER', { message: 'No cluster is up', remedy: 'Start one with `lab up`.' });
}
