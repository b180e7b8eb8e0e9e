import { setTimeout as delay } from 'node:timers/promises';
import type { Kube } from '../../../clusters/kube/kube.ts';
import { log } from '../agent/log.ts';
import { type NodeFacts, nodeFacts } from './node-facts.ts';

const retryMs = 1000;

/** Asks for the agent's own node until it is known by which address that is reached, and which addresses its pods get. */
export async function ownFacts(kube: Kube, name: string, signal: AbortSignal): Promise<NodeFacts> {
  for (;;) {
    try {
      const facts = nodeFacts(await kube.json('GET', `/api/v1/nodes/${name}`, { signal }));
      if (facts.addresses.length > 0 && facts.podCidrs.length > 0) return facts;
      log('warning', 'waiting for the node’s address and the range of its pods', { name });
    } catch (error) {
      signal.throwIfAborted();
      log('warning', 'the API server does not tell of this node', { name, error: (error as Error).message });
    }
    await delay(retryMs, undefined, { signal });
  }
}
