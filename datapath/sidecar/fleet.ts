import type { Fleet } from '../envoy/mesh/fleet.ts';
import { sidecarConfiguration } from './configuration.ts';
import { isEnrolled } from './enrolled.ts';
import { controlPlane, proxyKind } from './places.ts';

/** The sidecars of one pool, to their control plane. */
export const sidecars: Fleet = {
  kind: proxyKind,
  controlServiceAccount: controlPlane.name,
  hasProxy: isEnrolled,
  configurationOf: sidecarConfiguration,
};
