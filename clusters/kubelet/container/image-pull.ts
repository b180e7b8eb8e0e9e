import type { V1Container, V1ContainerState } from '@kubernetes/client-node';
import type { Image } from '../../images/images.ts';
import type { BackOff } from '../back-off.ts';
import type { ReportEvent } from '../events.ts';
import { longDelay } from '../long-delay.ts';
import { imageNameError } from './image-reference.ts';
import { waiting } from './record.ts';

/** What a pull does for a container, and tells of. */
export type ImagePullContext = {
  /** The container as it is now: its image may change while it waits. */
  spec: () => V1Container;
  findImage: (reference: string) => Image | null;
  backOff: BackOff;
  event: ReportEvent;
  set: (state: V1ContainerState) => void;
  signal: AbortSignal;
};

/** How long until an image that must not be pulled, or has no proper name, is looked for again. */
const lookAgainSeconds = 10;

/** How long `ErrImagePull` stands before `ImagePullBackOff`. */
const pullErrorSeconds = 2;

/** The image, as soon as there is one, with kubelet's states and events until then: null when the signal aborts first. */
export async function pullImage({
  spec,
  findImage,
  backOff,
  event,
  set,
  signal,
}: ImagePullContext): Promise<Image | null> {
  while (!signal.aborted) {
    const { image: reference = '', imagePullPolicy } = spec();
    const invalid = imageNameError(reference);
    if (invalid !== null) {
      const message = `Failed to apply default image tag "${reference}": ${invalid}`;
      event('Warning', 'InspectFailed', message);
      event('Warning', 'Failed', 'Error: InvalidImageName');
      set(waiting('InvalidImageName', message));
      await longDelay(lookAgainSeconds * 1000, signal);
      continue;
    }
    const image = findImage(reference);
    if (image !== null) {
      event('Normal', 'Pulled', `Container image "${reference}" already present on machine`);
      return image;
    }
    if (imagePullPolicy === 'Never') {
      const missing = `Container image "${reference}" is not present with pull policy of Never`;
      event('Warning', 'ErrImageNeverPull', missing);
      event('Warning', 'Failed', 'Error: ErrImageNeverPull');
      set(waiting('ErrImageNeverPull', missing));
      await longDelay(lookAgainSeconds * 1000, signal);
      continue;
    }
    event('Normal', 'Pulling', `Pulling image "${reference}"`);
    const why = `failed to pull image "${reference}": the embedded cluster has no registry, only the lab's own images`;
    event('Warning', 'Failed', `Failed to pull image "${reference}": ${why}`);
    event('Warning', 'Failed', 'Error: ErrImagePull');
    set(waiting('ErrImagePull', why));
    const failedMs = Date.now();
    backOff.next(failedMs);
    await longDelay(pullErrorSeconds * 1000, signal);
    if (signal.aborted) return null;
    event('Normal', 'BackOff', `Back-off pulling image "${reference}"`);
    event('Warning', 'Failed', 'Error: ImagePullBackOff');
    set(waiting('ImagePullBackOff', `Back-off pulling image "${reference}": ErrImagePull: ${why}`));
    await longDelay(backOff.remainingSeconds(Date.now(), failedMs) * 1000, signal);
  }
  return null;
}
