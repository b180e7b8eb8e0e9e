import type { V1Pod, V1ServiceAccountTokenProjection } from '@kubernetes/client-node';
import type { Kube } from '../../kube/kube.ts';
import { type IssuedToken, issueToken } from './service-account-token.ts';

/** The service-account tokens that one pod's volumes hold, by audience and lifetime. */
export class PodTokens {
  readonly #kube: Kube;
  readonly #pod: () => V1Pod;
  readonly #signal: AbortSignal;
  readonly #issued = new Map<string, IssuedToken>();

  /** `signal`: nothing is asked for any more. */
  constructor(kube: Kube, pod: () => V1Pod, signal: AbortSignal) {
    this.#kube = kube;
    this.#pod = pod;
    this.#signal = signal;
  }

  /** A token with enough of its life left: a new one where there is none. */
  async token(projection: V1ServiceAccountTokenProjection): Promise<string> {
    const key = JSON.stringify([projection.audience, projection.expirationSeconds]);
    const known = this.#issued.get(key);
    if (known !== undefined && known.renewAtMs > Date.now()) return known.token;
    const issued = await issueToken(this.#kube, this.#pod(), projection, this.#signal);
    this.#issued.set(key, issued);
    return issued.token;
  }

  /** When the first of them must be renewed, null where there are none. */
  get renewAtMs(): number | null {
    const times = [...this.#issued.values()].map(({ renewAtMs }) => renewAtMs);
    return times.length === 0 ? null : Math.min(...times);
  }
}
