import { mkdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { z } from 'zod';
import { exec } from '../../../clusters/exec.ts';
import { connect } from '../../../clusters/kube.ts';
import type { PodEndpoint } from '../cni/endpoint.ts';
import { cniHandler } from '../cni/handler.ts';
import { openIpam } from '../cni/ipam.ts';
import { reconcilePods } from '../cni/reconcile.ts';
import { serveCni } from '../cni/server.ts';
import { RuleTable } from '../policy/rule-table.ts';
import { AddressRanges } from './address-ranges.ts';
import { agentMetrics } from './agent-metrics.ts';
import { findCgroupRoot } from './cgroup-root.ts';
import { watchCluster } from './cluster-state.ts';
import { Configuration } from './configuration.ts';
import { openDatapath } from './datapath.ts';
import type { Endpoint } from './endpoint.ts';
import { readFlows } from './flow-reader.ts';
import { goneBackends } from './gone-backends.ts';
import { watchIdentities } from './identity-registry.ts';
import { installPlugin } from './install-plugin.ts';
import { localPods } from './local-pods.ts';
import { log } from './log.ts';
import { mirrorOf } from './mirror.ts';
import { nodeFacts } from './node-facts.ts';
import { persistently } from './persistently.ts';
import { imageFiles, places, statusPort } from './places.ts';
import { reportPolicies } from './policy-status.ts';
import { Reconciler } from './reconciler.ts';
import { ServiceTable } from './services.ts';
import { watchSettings } from './settings.ts';
import { serveStatus } from './status-server.ts';
import { findUplink, routePods } from './uplink.ts';

/** The node agent: watches the API, programs the maps, answers the CNI plugin, reads flows. */
const Environment = z.object({
  NODE_NAME: z.string().min(1),
  POD_NAMESPACE: z.string().min(1),
  FLOW_REPORT_MS: z.coerce.number().int().min(0).default(5000),
});
type Environment = z.infer<typeof Environment>;

const retryMs = 1000;

const ended = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => ended.abort());
await run(Environment.parse(process.env), ended.signal).catch((error) => {
  if (ended.signal.aborted) return;
  log('error', 'the agent ends', { error: (error as Error).stack });
  process.exit(1);
});
process.exit(0);

async function run(environment: Environment, signal: AbortSignal): Promise<void> {
  const ownNode = environment.NODE_NAME;
  const kube = await connect(null);
  await mountBpf(signal);
  const datapath = openDatapath(imageFiles.objects, places.bpf);
  const node = nodeFacts(await kube.json('GET', `/api/v1/nodes/${ownNode}`, { signal }));
  const uplink = await findUplink(node, signal);
  const configuration = new Configuration(datapath.config, {
    nodeV4: node.addresses.find((address) => !address.includes(':')) ?? null,
    nodeV6: node.addresses.find((address) => address.includes(':')) ?? null,
    uplink: uplink.ifindex,
    reportMs: environment.FLOW_REPORT_MS,
  });

  const endpoints = new Map<string, Endpoint>();
  const table = new RuleTable();
  const ranges = new AddressRanges();
  const services = new ServiceTable(
    mirrorOf(datapath.services),
    mirrorOf(datapath.backends),
    ownNode,
    goneBackends({ datapath, endpoints, signal, onClosed: (sockets) => metrics.closed(sockets) }),
  );
  const identities = watchIdentities(kube, { signal, onChange: () => schedule() });
  const writeService = persistently('a service', signal);
  const state = watchCluster(kube, {
    signal,
    onChange() {
      routeNodes();
      nameOwnPods().then(schedule, () => undefined);
      writeService('ports of nodes', () => services.setPlaces(state.nodes(), state.pods()));
    },
    onService: (name, service, slices) =>
      writeService(`${name.namespace}/${name.name}`, () => services.set(name, service, slices)),
    onPolicy: reportPolicies(kube, { signal }),
  });
  const registry = new Registry();
  const metrics = agentMetrics(registry, { datapath, endpoints, registry: identities, services, state });

  /** To the pods of other nodes, whenever these have changed. */
  let routed = '';
  const routeNodes = (): void => {
    const nodes = JSON.stringify(state.nodes());
    if (nodes === routed) return;
    routed = nodes;
    routePods(node, state.nodes(), signal).catch((error: Error) => {
      if (signal.aborted) return;
      log('error', 'pods of other nodes cannot be reached', { error: error.message });
      routed = '';
      setTimeout(routeNodes, retryMs);
    });
  };
  /** Pods of other nodes are named by the agents there. */
  const nameOwnPods = async (): Promise<void> => {
    if (!identities.synced) return;
    const own = state.pods().filter((pod) => pod.node === ownNode && identities.find(pod.labels) === null);
    const named = await Promise.allSettled(own.map((pod) => identities.ensure(pod.labels, signal)));
    if (named.some(({ status }) => status === 'rejected') && !signal.aborted) {
      await delay(retryMs, undefined, { signal });
      await nameOwnPods();
    }
  };

  const reconciler = new Reconciler({
    state,
    registry: identities,
    ipcache: mirrorOf(datapath.ipcache),
    table,
    ranges,
    endpoints,
    ownNode,
    bumpEpoch: () => configuration.nextEpoch(),
  });
  const reconcile = (): void => {
    const began = performance.now();
    let succeeded = false;
    try {
      reconciler.reconcile();
      succeeded = true;
    } finally {
      metrics.reconciled(succeeded, (performance.now() - began) / 1000);
    }
  };
  let scheduled = false;
  let ready = false;
  const schedule = (): void => {
    if (scheduled || !ready) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      try {
        reconcile();
      } catch (error) {
        log('error', 'maps could not be written', { error: (error as Error).message });
        setTimeout(schedule, retryMs);
      }
    });
  };

  await until('the API server’s lists', () => state.missing().length === 0 && identities.synced, signal);
  services.settle();
  configuration.write();
  watchSettings(kube, {
    namespace: environment.POD_NAMESPACE,
    signal,
    onChange(settings) {
      configuration.settings = settings;
    },
  });

  const ipam = await openIpam({ directory: places.leases, cidrs: node.podCidrs });
  const hooks = localPods({ kube, datapath, state, registry: identities, endpoints, reconciler, reconcile });
  const { endpoints: there } = await reconcilePods({ ipam, hooks }, signal);
  const attachAgain = async (link: PodEndpoint): Promise<void> => {
    if (signal.aborted || ipam.find(link) === null) return;
    await hooks.attach(link, signal).catch((error: Error) => {
      log('error', 'a pod keeps the policy that it had', { pod: link.pod, error: error.message });
      setTimeout(attachAgain, retryMs, link);
    });
  };
  for (const link of there) await attachAgain(link);
  hooks.settle(there);
  reconcile();
  datapath.attachUplink(uplink.ifindex);
  datapath.attachCgroup(await findCgroupRoot(places.cgroup));
  ready = true;
  schedule();

  const names = { ownNode, state, registry: identities, endpoints, table, ranges, services };
  const flows = readFlows({ ...names, datapath, metrics: registry, signal });
  const { closed } = await serveCni({
    socketPath: places.socket,
    handler: cniHandler({ ipam, hooks, mtu: uplink.mtu }),
    signal,
    onRequest({ request, durationSeconds, error }) {
      const command = request?.command ?? 'unknown';
      metrics.cni(command, error === null, durationSeconds);
      const facts = { pod: request?.args ?? null, durationSeconds };
      if (error === null) log('info', `CNI ${command}`, facts);
      else log('error', `CNI ${command}`, { ...facts, error: error.message });
    },
  });
  await installPlugin(signal);
  const settings = () => configuration.settings;
  const sources = { datapath, endpoints, flows, identities, registry, services, state, table, settings };
  await serveStatus(statusPort, sources, signal);
  log('info', 'ready', { node: ownNode, uplink: uplink.name, endpoints: endpoints.size });
  await closed;
}

/** On the node's own mount, which stays when the agent goes. */
async function mountBpf(signal: AbortSignal): Promise<void> {
  await mkdir(places.bpf, { recursive: true });
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  if (mounts.split('\n').some((line) => line.split(' ')[4] === places.bpf)) return;
  await exec('mount', ['-t', 'bpf', 'lab-sidecarless', places.bpf], { signal });
}

async function until(what: string, condition: () => boolean, signal: AbortSignal): Promise<void> {
  for (let waitedMs = 0; !condition(); waitedMs += 20) {
    if (waitedMs > 0 && waitedMs % 5000 === 0) log('warning', `waiting for ${what}`);
    await delay(20, undefined, { signal });
  }
}
