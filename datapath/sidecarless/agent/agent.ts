import { mkdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { z } from 'zod';
import { exec } from '../../../clusters/exec.ts';
import { connect } from '../../../clusters/kube/connect.ts';
import { narrowFirst } from '../abi/ipcache.ts';
import { watchCluster } from '../cluster/cluster-state.ts';
import { withLoggedInformers } from '../cluster/logged-informers.ts';
import { ownFacts } from '../cluster/own-facts.ts';
import { watchSettings } from '../cluster/settings.ts';
import type { PodEndpoint } from '../cni/endpoint.ts';
import { cniHandler } from '../cni/handler.ts';
import { installPlugin } from '../cni/install-plugin.ts';
import { openIpam } from '../cni/ipam.ts';
import { reconcilePods } from '../cni/reconcile.ts';
import { serveCni } from '../cni/server.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { localPods } from '../endpoints/local-pods.ts';
import { podNaming } from '../endpoints/pod-naming.ts';
import { Reconciler } from '../endpoints/reconciler.ts';
import { readFlows } from '../flow/flow-reader.ts';
import { AddressRanges } from '../identities/address-ranges.ts';
import { watchIdentities } from '../identities/identity-registry.ts';
import { countRuns } from '../libbpf/program-information.ts';
import { Configuration } from '../maps/configuration.ts';
import { openDatapath } from '../maps/datapath.ts';
import { mirrorOf } from '../maps/mirror.ts';
import { findCgroupRoot } from '../node/cgroup-root.ts';
import { nodeRoutes } from '../node/node-routes.ts';
import { watchOwnAddresses } from '../node/own-addresses.ts';
import { imageFiles, places, statusPort } from '../node/paths.ts';
import { findUplink } from '../node/uplink.ts';
import { RuleTable } from '../policy/rule-table.ts';
import { reportPolicies } from '../policy-status/policy-status.ts';
import { goneBackends } from '../services/gone-backends.ts';
import { persistently } from '../services/persistently.ts';
import { ServiceTable } from '../services/services.ts';
import { agentMetrics } from '../status/agent-metrics.ts';
import { serveStatus } from '../status/status-server.ts';
import { log } from './log.ts';

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
  const kube = withLoggedInformers(await connect(null));
  await mountBpf(signal);
  const datapath = openDatapath(imageFiles.objects, places.bpf);
  countRuns();
  const node = await ownFacts(kube, ownNode, signal);
  const uplink = await findUplink(node, signal);
  const configuration = new Configuration(datapath.config, {
    nodeV4: node.addresses.find((address) => !address.includes(':')) ?? null,
    nodeV6: node.addresses.find((address) => address.includes(':')) ?? null,
    uplink: uplink.ifindex,
    reportMs: environment.FLOW_REPORT_MS,
  });

  const endpoints = new Map<string, Endpoint>();
  const adopted = Promise.withResolvers<void>();
  const table = new RuleTable();
  const ranges = new AddressRanges();
  const services = new ServiceTable(
    mirrorOf(datapath.services),
    mirrorOf(datapath.backends),
    ownNode,
    goneBackends({
      datapath,
      endpoints,
      adopted: adopted.promise,
      signal,
      onClosed: (sockets) => metrics.closed(sockets),
    }),
  );
  const identities = watchIdentities(kube, { signal, onChange: () => schedule() });
  const writeService = persistently('a service', signal);
  const state = watchCluster(kube, {
    signal,
    onChange() {
      routeNodes();
      schedule();
      namePods();
      writeService('ports of nodes', () => services.setPlaces(state.nodes(), state.pods()));
    },
    onService: (name, service, slices) =>
      writeService(`${name.namespace}/${name.name}`, () => services.set(name, service, slices)),
    onPolicy: reportPolicies(kube, { signal }),
  });
  const registry = new Registry();
  const metrics = agentMetrics(registry, { datapath, endpoints, registry: identities, services, state });

  const routeNodes = nodeRoutes({ own: node, state, signal });
  const namePods = podNaming({ state, registry: identities, ownNode, signal });

  const reconciler = new Reconciler({
    state,
    registry: identities,
    ipcache: mirrorOf(datapath.ipcache, narrowFirst),
    table,
    ranges,
    endpoints,
    ownNode,
    ownAddresses: watchOwnAddresses({ signal, onChange: () => schedule() }).list,
    bumpEpoch: () => configuration.nextEpoch(),
  });
  const reconcile = (): Map<Endpoint, Error> => {
    const began = performance.now();
    let failures: Map<Endpoint, Error> | null = null;
    try {
      failures = reconciler.reconcile();
    } finally {
      metrics.reconciled(failures?.size === 0, (performance.now() - began) / 1000);
    }
    for (const [{ pod }, error] of failures) {
      const { namespace, name } = pod;
      log('error', 'a pod is cut off: its policy cannot be written', { namespace, name, error: error.message });
    }
    if (failures.size > 0) setTimeout(schedule, retryMs);
    return failures;
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

  let isSet = false;
  watchSettings(kube, {
    namespace: environment.POD_NAMESPACE,
    signal,
    onChange(settings) {
      configuration.settings = settings;
      isSet = true;
    },
  });
  const isListed = (): boolean => isSet && identities.synced && state.missing().length === 0;
  await until('the API server’s lists', isListed, signal);
  namePods();
  services.settle();

  const ipam = await openIpam({ directory: places.leases, cidrs: node.podCidrs });
  const hooks = localPods({ kube, datapath, state, registry: identities, endpoints, reconciler, reconcile });
  const { endpoints: there } = await reconcilePods({ ipam, hooks }, signal);
  const attachAgain = async (link: PodEndpoint): Promise<void> => {
    if (signal.aborted || ipam.find(link) === null) return;
    try {
      await hooks.attach(link, signal);
      if (ipam.find(link) === null) await hooks.detach(link);
    } catch (error) {
      log('error', 'a pod keeps the policy that it had', { pod: link.pod, error: (error as Error).message });
      setTimeout(attachAgain, retryMs, link);
    }
  };
  const failures = await hooks.adopt(there, signal);
  adopted.resolve();
  hooks.settle(there);
  for (const link of failures) setTimeout(attachAgain, retryMs, link);
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
  const sources = { datapath, endpoints, flows, identities, reconciler, registry, services, state, table, settings };
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
