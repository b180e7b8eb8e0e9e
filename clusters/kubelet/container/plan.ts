import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { LabError } from '../../error.ts';
import type { Image } from '../../images/images.ts';
import { hostnameOf } from '../network/etc-files.ts';
import { podNameOf } from '../pod/pod-name.ts';
import { containerCapabilities, hostCapabilities } from './capabilities.ts';
import { hostDevices } from './devices.ts';
import { expand } from './expansion.ts';
import type { ContainerPlan, Mount } from './oci-spec.ts';
import { cgroupLimits } from './resources.ts';

/** What a container's plan depends on beside its specification. */
export type PlanContext = {
  image: Image;
  nodeName: string;
  /** The variables that the pod gives (`environment.ts`). */
  variables: Readonly<Record<string, string>>;
  volumeMounts: readonly Mount[];
  networkNamespace: string | null;
  ipc: ContainerPlan['ipc'];
  cgroupsPath: string;
  /** Of the host: whether it has cgroup v2 alone, and whether its cgroups count swap. */
  unifiedCgroups: boolean;
  swapIsCounted: boolean;
  sysctls: Readonly<Record<string, string>>;
};

const bindReadOnly = ['rbind', 'ro', 'rprivate'];

/**
 * How a container of a pod runs: image, pod and container put together as kubelet and containerd do.
 * @throws LabError LAB_CONTAINER_CONFIG when the pod forbids what it asks for, or there is nothing to run.
 */
export function containerPlan(pod: V1Pod, container: V1Container, context: PlanContext): ContainerPlan {
  const { image, variables } = context;
  const security = container.securityContext ?? {};
  const privileged = security.privileged ?? false;
  const command = container.command ?? image.entrypoint;
  const imageCommand = container.command === undefined ? image.command : [];
  const args = [...command, ...(container.args ?? imageCommand)].map((word) => expand(word, variables));
  if (args.length === 0) throw configError(`no command specified: image "${container.image}" has none of its own`);
  const hostname = hostnameOf(pod, context.nodeName);
  return {
    args,
    env: { ...image.env, HOSTNAME: hostname, ...variables },
    workingDir: container.workingDir ?? image.workingDir,
    hostname,
    user: userOf(pod, container),
    capabilities: containerCapabilities(
      { privileged, add: security.capabilities?.add ?? [], drop: security.capabilities?.drop ?? [] },
      hostCapabilities(),
    ),
    noNewPrivileges: security.allowPrivilegeEscalation === false,
    readOnlyRoot: security.readOnlyRootFilesystem ?? false,
    privileged,
    devices: privileged ? hostDevices() : [],
    networkNamespace: context.networkNamespace,
    hostPid: pod.spec?.hostPID ?? false,
    ipc: context.ipc,
    cgroupView: context.unifiedCgroups ? (privileged ? 'host' : 'own') : 'v1',
    cgroupsPath: context.cgroupsPath,
    limits: cgroupLimits(container.resources),
    swapIsCounted: context.swapIsCounted,
    sysctls: context.sysctls,
    mounts: [
      ...image.mounts.map(
        ({ source, destination }): Mount => ({ destination, type: 'bind', source, options: bindReadOnly }),
      ),
      ...context.volumeMounts,
    ],
    propagation: propagationOf(container),
  };
}

/** What the container's root must allow for its volumes to propagate as they are asked to. */
function propagationOf({ volumeMounts = [] }: V1Container): ContainerPlan['propagation'] {
  const asked = volumeMounts.map(({ mountPropagation }) => mountPropagation);
  if (asked.includes('Bidirectional')) return 'rshared';
  return asked.includes('HostToContainer') ? 'rslave' : null;
}

function userOf(pod: V1Pod, { name, securityContext = {} }: V1Container): ContainerPlan['user'] {
  const ofPod = pod.spec?.securityContext ?? {};
  const uid = securityContext.runAsUser ?? ofPod.runAsUser ?? 0;
  const gid = securityContext.runAsGroup ?? ofPod.runAsGroup ?? 0;
  if ((securityContext.runAsNonRoot ?? ofPod.runAsNonRoot) && uid === 0) {
    const asked = securityContext.runAsUser ?? ofPod.runAsUser;
    const why =
      asked === 0
        ? "container's runAsUser breaks non-root policy"
        : 'container has runAsNonRoot and image will run as root';
    throw configError(`${why} (pod: "${podNameOf(pod)}", container: ${name})`);
  }
  const additional = [...(ofPod.supplementalGroups ?? []), ...(ofPod.fsGroup === undefined ? [] : [ofPod.fsGroup])];
  return { uid, gid, additionalGids: [...new Set([gid, ...additional])] };
}

function configError(message: string): LabError {
  return new LabError('LAB_CONTAINER_CONFIG', { message });
}
