import { z } from 'zod';
import { LabError } from '../error.ts';
import { execInContainer } from './container/container.ts';
import type { PodWorker } from './pod/worker.ts';

/** A program that is to run in a pod's container; null is the pod's first container. */
export const ExecRequest = z.strictObject({
  namespace: z.string(),
  pod: z.string(),
  container: z.string().nullable(),
  command: z.array(z.string()).min(1),
  tty: z.boolean(),
});
export type ExecRequest = z.infer<typeof ExecRequest>;

/**
 * The command line that runs it, from the supervisor's namespaces.
 * @throws LabError LAB_POD_UNKNOWN, LAB_CONTAINER_UNKNOWN or LAB_CONTAINER_NOT_RUNNING.
 */
export function execCommand(
  worker: PodWorker | undefined,
  { namespace, pod, container, command, tty }: ExecRequest,
): { file: string; args: string[] } {
  if (worker === undefined) {
    throw new LabError('LAB_POD_UNKNOWN', {
      message: `There is no pod ${pod} in namespace ${namespace}`,
      remedy: 'List them: lab kubectl get pods --all-namespaces',
    });
  }
  const loop = worker.container(container);
  if (loop === null) {
    throw new LabError('LAB_CONTAINER_UNKNOWN', {
      message: `Pod ${namespace}/${pod} has no container ${container}`,
      remedy: `Its containers: ${worker.containerNames.join(', ')}.`,
    });
  }
  if (loop.runningId === null) {
    const { waiting, terminated } = loop.record.state;
    throw new LabError('LAB_CONTAINER_NOT_RUNNING', {
      message: `Container ${loop.record.name} of pod ${namespace}/${pod} does not run: ${waiting?.reason ?? terminated?.reason ?? 'unknown'}`,
      remedy: `See why: lab kubectl -n ${namespace} describe pod ${pod}`,
    });
  }
  const [file, args] = execInContainer(worker.node, loop.runningId, command, { tty });
  return { file, args };
}
