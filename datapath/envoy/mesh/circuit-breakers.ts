import type { EnvoyJson } from '../api.ts';

/** Limits that are never met: a proxy beside one application guards nobody. Istio sets the same. */
export const unlimited: EnvoyJson = {
  thresholds: [
    {
      max_connections: 4294967295,
      max_pending_requests: 4294967295,
      max_requests: 4294967295,
      max_retries: 4294967295,
    },
  ],
};
