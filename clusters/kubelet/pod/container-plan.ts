import { existsSync } from 'node:fs';
import type { V1Container, V1Pod, V1Service } from '@kubernetes/client-node';
import { LabError } from '../../error.ts';
import type { Image } from '../../images/images.ts';
import { ApiError } from '../../kube/api-error.ts';
import type { Kube } from '../../kube/kube.ts';
import { containerEnvironment } from '../container/environment.ts';
import type { ContainerPlan } from '../container/oci-spec.ts';
import { containerPlan } from '../container/plan.ts';
import { swapIsCounted } from '../container/swap.ts';
import { isNetworkSysctl } from '../network/sandbox.ts';
import type { PodVolumes } from '../volume/pod-volumes.ts';
import type { PodFacts } from './downward.ts';

/** What a container's plan needs of the pod as it runs on its node. */
export type PodPlanContext = {
  kube: Kube;
  services: () => readonly V1Service[];
  volumes: PodVolumes;
  facts: PodFacts;
  nodeName: string;
  networkNamespace: string | null;
  ipc: ContainerPlan['ipc'];
  cgroupsPath: string;
};

/**
 * Puts a container's plan together: variables and their sources, read from the API now, volumes, network, cgroup.
 * @throws LabError LAB_CONTAINER_CONFIG when something that it refers to is not there.
 */
export async function planContainer(
  pod: V1Pod,
  container: V1Container,
  image: Image,
  { kube, services, volumes, facts, ...place }: PodPlanContext,
): Promise<ContainerPlan> {
  const read = async <T>(path: string): Promise<T | null> => {
    try {
      return await kube.json<T>('GET', `/api/v1/namespaces/${pod.metadata?.namespace}/${path}`);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      const message = error instanceof Error ? error.message : String(error);
      throw new LabError('LAB_CONTAINER_CONFIG', { message, cause: error });
    }
  };
  const variables = await containerEnvironment(pod, container, facts, {
    configMap: (name) => read(`configmaps/${name}`),
    secret: (name) => read(`secrets/${name}`),
    services,
  });
  const sysctls = (pod.spec?.securityContext?.sysctls ?? []).filter(({ name }) => !isNetworkSysctl(name));
  return containerPlan(pod, container, {
    ...place,
    image,
    variables,
    volumeMounts: await volumes.mounts(container, variables),
    unifiedCgroups: existsSync('/sys/fs/cgroup/cgroup.controllers'),
    swapIsCounted: swapIsCounted(),
    sysctls: Object.fromEntries(sysctls.map(({ name, value }) => [name, value])),
  });
}
