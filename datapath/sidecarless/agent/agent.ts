import { Registry } from 'prom-client';
import { connect } from '../../../clusters/kube/connect.ts';
import { withLoggedInformers } from '../cluster/logged-informers.ts';
import { untilListed } from '../cluster/until-listed.ts';
import { cniHandler } from '../cni/handler.ts';
import { installPlugin } from '../cni/install-plugin.ts';
import { requestLog } from '../cni/request-log.ts';
import { serveCni } from '../cni/server.ts';
import { openPodNetwork } from '../endpoints/open-pod-network.ts';
import { readFlows } from '../flow/flow-reader.ts';
import { openNode } from '../node/own-node.ts';
import { nodePaths, statusPort } from '../node/paths.ts';
import { agentMetrics, nodeMetrics } from '../status/agent-metrics.ts';
import { serveStatus } from '../status/status-server.ts';
import { Environment } from './environment.ts';
import { log } from './log.ts';
import { watch } from './watched.ts';

// The node agent: watches the API, programs the maps, answers the CNI plugin, reads flows.
const ended = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => ended.abort());
await run(Environment.parse(process.env), ended.signal).catch((error) => {
  if (ended.signal.aborted) return;
  log('error', 'the agent ends', { error: (error as Error).stack });
  process.exit(1);
});
process.exit(0);

async function run(environment: Environment, signal: AbortSignal): Promise<void> {
  const { NODE_NAME: name, POD_NAMESPACE: namespace, FLOW_REPORT_MS: reportMs } = environment;
  const registry = new Registry();
  const metrics = agentMetrics(registry);
  const kube = withLoggedInformers(await connect(null));
  const node = await openNode(kube, { name, reportMs }, signal);
  const watched = watch(kube, { node, namespace, metrics, signal });
  nodeMetrics(registry, { ...watched, datapath: node.datapath });
  await untilListed(watched.isListed, signal);
  watched.settle();
  const network = await openPodNetwork(kube, node, watched, signal);
  const flows = readFlows({ ...watched, ownNode: name, datapath: node.datapath, registry, signal });
  const { closed } = await serveCni({
    socketPath: nodePaths.socket,
    handler: cniHandler(network),
    onRequest: requestLog(metrics.cni),
    signal,
  });
  await installPlugin(signal);
  await serveStatus(statusPort, { ...watched, ...node, flows, registry }, signal);
  log('info', 'ready', { node: name, uplink: node.uplink.name, endpoints: watched.endpoints.size });
  await closed;
}
