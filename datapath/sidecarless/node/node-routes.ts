import { log } from '../agent/log.ts';
import type { ClusterState } from '../cluster/cluster-state.ts';
import type { NodeFacts } from '../cluster/node-facts.ts';
import { routePods } from './uplink.ts';

const retryMs = 1000;

export type NodeRoutesOptions = {
  own: NodeFacts;
  state: Pick<ClusterState, 'nodes' | 'missing'>;
  signal: AbortSignal;
};

/**
 * Keeps the routes to other nodes' pods. What is returned is to be called whenever something may have changed; nothing is
 * done before all nodes are known, or routes would be taken away that are needed.
 */
export function nodeRoutes({ own, state, signal }: NodeRoutesOptions): () => void {
  let routed = '';
  let routing = Promise.resolve();
  const route = (): void => {
    const nodes = JSON.stringify(state.nodes());
    if (nodes === routed || state.missing().length > 0) return;
    routed = nodes;
    routing = routing
      .then(() => routePods(own, state.nodes(), signal))
      .catch((error: Error) => {
        if (signal.aborted) return;
        log('error', 'pods of other nodes cannot be reached', { error: error.message });
        routed = '';
        setTimeout(route, retryMs);
      });
  };
  return route;
}
