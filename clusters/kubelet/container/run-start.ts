import { randomBytes } from 'node:crypto';
import type { V1Container } from '@kubernetes/client-node';
import type { Image } from '../../images/images.ts';
import type { BackOff } from '../back-off.ts';
import type { RunLogs } from '../log/run-logs.ts';
import { longDelay } from '../long-delay.ts';
import { startContainer } from './container.ts';
import { createFailure } from './containerd-words.ts';
import type { ContainerContext } from './context.ts';
import { pullImage } from './image-pull.ts';
import type { ContainerPlan } from './oci-spec.ts';
import { type ContainerRecord, containerUrl, waiting } from './record.ts';
import { ContainerRun } from './run.ts';

/** What the start of a run needs of its container, and tells it. */
export type RunStartContext = {
  /** The container as it is now: its image may change while it waits. */
  spec: () => V1Container;
  record: ContainerRecord;
  logs: RunLogs;
  container: ContainerContext;
  pullBackOff: BackOff;
  /** The container enters another state. */
  set: (state: ContainerRecord['state']) => void;
  /** The container runs, which no state says yet. */
  onRun: (run: ContainerRun) => void;
  stopping: AbortSignal;
};

/** How long until what a container refers to, and is not there, is looked for again. */
const retryConfigSeconds = 10;

/** Of a container that could not be started, as containerd has it. */
const startErrorCode = 128;

/**
 * Gets a container to run: image, plan, process, with kubelet's states and events until then. Returns an exit code when
 * it could not be started, null when it is to be stopped first.
 */
export async function startRun(context: RunStartContext): Promise<ContainerRun | number | null> {
  const { container, spec, set, stopping } = context;
  for (;;) {
    const image = await pull(context);
    if (image === null) return null;
    const id = randomBytes(32).toString('hex');
    const plan = await container.plan(spec(), image, id).catch((error: Error) => error);
    if (!(plan instanceof Error)) return start(id, plan, context);
    set(waiting('CreateContainerConfigError', plan.message));
    container.event('Warning', 'Failed', `Error: ${plan.message}`);
    await longDelay(retryConfigSeconds * 1000, stopping);
    if (stopping.aborted) return null;
  }
}

function pull({ container, spec, pullBackOff, set, stopping }: RunStartContext): Promise<Image | null> {
  return pullImage({
    spec,
    findImage: container.findImage,
    backOff: pullBackOff,
    event: container.event,
    set,
    signal: stopping,
  });
}

async function start(
  id: string,
  plan: ContainerPlan,
  { container, spec: current, record, logs, set, onRun }: RunStartContext,
): Promise<ContainerRun | number> {
  const { node, etc, event } = container;
  const spec = current();
  const restartCount = record.containerId === null ? 0 : record.restartCount + 1;
  const log = await logs.next(restartCount);
  const terminationMessagePath = spec.terminationMessagePath ?? '/dev/termination-log';
  const started = await startContainer(node, plan, { id, etc: etc(), log, terminationMessagePath }).catch(
    (error: Error) => error,
  );
  event('Normal', 'Created', `Created container: ${spec.name}`);
  record.containerId = id;
  record.restartCount = restartCount;
  if (started instanceof Error) {
    const message = createFailure(started);
    const times = { startedAt: new Date(0), finishedAt: new Date() };
    const end = { reason: 'StartError', exitCode: startErrorCode, message, ...times, containerID: containerUrl(id) };
    set({ terminated: end });
    event('Warning', 'Failed', `Error: ${message}`);
    return startErrorCode;
  }
  const run = new ContainerRun(started, spec, log.path, container);
  onRun(run);
  event('Normal', 'Started', `Started container ${spec.name}`);
  set({ running: { startedAt: started.startedAt } });
  return run;
}
