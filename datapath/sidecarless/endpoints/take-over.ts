import { log } from '../agent/log.ts';
import type { PodEndpoint } from '../cni/endpoint.ts';
import type { Ipam } from '../cni/ipam.ts';
import { reconcilePods } from '../cni/reconcile.ts';
import type { LocalPods } from './local-pods.ts';

const retryMs = 1000;

/**
 * Takes over the pods that an earlier agent has connected, and forgets those that are gone. Pods that cannot be taken
 * over keep the policy that they had; they are attached again every second, until that succeeds or they are gone.
 */
export async function takeOverPods(ipam: Ipam, pods: LocalPods, signal: AbortSignal): Promise<void> {
  const { endpoints: there } = await reconcilePods({ ipam, hooks: pods }, signal);
  const attachAgain = async (link: PodEndpoint): Promise<void> => {
    if (signal.aborted || ipam.find(link) === null) return;
    try {
      await pods.attach(link, signal);
      if (ipam.find(link) === null) await pods.detach(link);
    } catch (error) {
      log('error', 'a pod keeps the policy that it had', { pod: link.pod, error: (error as Error).message });
      setTimeout(attachAgain, retryMs, link);
    }
  };
  const failures = await pods.adopt(there, signal);
  pods.settle(there);
  for (const link of failures) setTimeout(attachAgain, retryMs, link);
}
