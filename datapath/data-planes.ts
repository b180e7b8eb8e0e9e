import type { DataPlane } from './data-plane.ts';
import { none } from './none/none.ts';
import { sidecar } from './sidecar/sidecar.ts';
import { sidecarless } from './sidecarless/sidecarless.ts';

/** Every data plane of the lab, in the order in which they are shown. */
export const dataPlanes: readonly DataPlane[] = [none, sidecar, sidecarless];

/** The one that all are compared with, and that is needed whatever is asked for. */
export const baseline: DataPlane = none;
