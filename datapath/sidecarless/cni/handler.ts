import { addPod } from './add.ts';
import { checkPod } from './check.ts';
import { CniError, cniCodes } from './cni-error.ts';
import type { PodNetwork } from './pod-network.ts';
import { removePod } from './remove.ts';
import { type CniRequest, podNameOf } from './request.ts';
import { addResult, addressesOfResult } from './result.ts';

/** Does what a request asks for, and returns what the plugin prints: null for nothing. Gives up when the signal aborts. */
export type CniHandler = (request: CniRequest, signal: AbortSignal) => Promise<object | null>;

/** Serves the node's runtime with its pods' network. */
export function cniHandler(network: PodNetwork): CniHandler {
  return async (request, signal) => {
    const { command, containerId, ifname, netns, config } = request;
    const lease = { containerId, ifname, netns, pod: podNameOf(request) };
    switch (command) {
      case 'ADD':
        if (lease.pod.namespace === '' || lease.pod.name === '') {
          const message = 'CNI_ARGS does not say which pod it is: K8S_POD_NAMESPACE and K8S_POD_NAME are needed';
          throw new CniError(cniCodes.invalidEnvironment, message);
        }
        return addResult(request, await addPod(network, lease, signal));
      case 'DEL':
        await removePod(network, lease);
        return null;
      case 'CHECK': {
        const answered = addressesOfResult(config.prevResult, ifname);
        if (answered === null) throw new CniError(cniCodes.invalidConfiguration, 'CHECK needs the prevResult of ADD');
        await checkPod(network, lease, answered, signal);
        return null;
      }
    }
  };
}
