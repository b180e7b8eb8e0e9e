import { randomUUID } from 'node:crypto';
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
import { decodeEvent } from '../flow/event.ts';
import { FlowBuffer } from '../flow/flow-buffer.ts';
import { flowMetrics } from '../flow/flow-metrics.ts';
import { flowOf } from '../flow/flow-of.ts';
import { RuleTable } from '../policy/rule-table.ts';
import { findCgroupRoot } from './cgroup-root.ts';
import { watchCluster } from './cluster-state.ts';
import { openDatapath } from './datapath.ts';
import { type Endpoint, openEndpoint } from './endpoint.ts';
import { flowContext } from './flow-names.ts';
import { watchIdentities } from './identity-registry.ts';
import { installPlugin } from './install-plugin.ts';
import { log } from './log.ts';
import { mirrorOf } from './mirror.ts';
import { nodeFacts } from './node-facts.ts';
import { imageFiles, places, statusPort } from './places.ts';
import { podFacts } from './pod-facts.ts';
import { Reconciler } from './reconciler.ts';
import { configFlags, configRecord, epochOf, uint32 } from './records.ts';
import { ServiceTable } from './services.ts';
import { type Settings, watchSettings } from './settings.ts';
import { serveStatus } from './status-server.ts';
import { findUplink, routePods } from './uplink.ts';

/** The node agent: watches the API, programs the maps, answers the CNI plugin, reads flows. */
const Environment = z.object({
  NODE_NAME: z.string().min(1),
  POD_NAMESPACE: z.string().min(1),
  FLOW_REPORT_MS: z.coerce.number().int().min(0).default(5000),
});
type Environment = z.infer<typeof Environment>;

const eventsEveryMs = 100;
const keptFlows = 16_384;

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

  let settings: Settings = { shortcut: true };
  let epoch = epochOf(datapath.config.lookup(uint32(0)) ?? new Uint8Array(48));
  const configure = (): void => {
    const flags = (settings.shortcut ? configFlags.shortcut : 0) | configFlags.masquerade | configFlags.events;
    const [nodeV4 = null] = node.addresses.filter((address) => !address.includes(':'));
    const [nodeV6 = null] = node.addresses.filter((address) => address.includes(':'));
    const reportMs = environment.FLOW_REPORT_MS;
    datapath.config.update(uint32(0), configRecord({ nodeV4, nodeV6, uplink: uplink.ifindex, flags, epoch, reportMs }));
  };
  const bumpEpoch = (): void => {
    epoch = (epoch + 1) >>> 0;
    configure();
  };

  const endpoints = new Map<string, Endpoint>();
  const endpointMirror = mirrorOf(datapath.endpoints);
  const table = new RuleTable();
  const serviceTable = new ServiceTable(mirrorOf(datapath.services), mirrorOf(datapath.backends), ownNode, (backend) =>
    log('info', 'a backend is gone', backend),
  );
  let scheduled = false;
  let ready = false;
  const schedule = (): void => {
    if (scheduled || !ready) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      try {
        reconciler.reconcile();
      } catch (error) {
        log('error', 'maps could not be written', { error: (error as Error).message });
        setTimeout(schedule, 1000);
      }
    });
  };
  let identitiesSynced = false;
  const registry = watchIdentities(kube, {
    signal,
    onChange: schedule,
    onSync() {
      identitiesSynced = true;
    },
  });
  let routed = '';
  const state = watchCluster(kube, {
    signal,
    onChange() {
      const nodes = JSON.stringify(state.nodes());
      if (nodes !== routed) {
        routed = nodes;
        void routePods(node, state.nodes(), signal).catch((error: Error) =>
          log('error', 'routes', { error: error.message }),
        );
      }
      void nameUnknownPods().then(schedule);
    },
    onService: (name, service, slices) => serviceTable.set(name, service, slices),
    onPolicy({ policy, problems }) {
      if (problems.length > 0)
        log('warning', 'a policy cannot be enforced as written, and fails closed', { policy, problems });
    },
  });
  const nameUnknownPods = async (): Promise<void> => {
    if (!identitiesSynced) return;
    const own = state.pods().filter((pod) => pod.node === ownNode && registry.find(pod.labels) === null);
    await Promise.all(own.map((pod) => registry.ensure(pod.labels, signal).catch(() => undefined)));
  };
  const reconciler = new Reconciler({
    state,
    registry,
    ipcache: mirrorOf(datapath.ipcache),
    table,
    endpoints,
    ownNode,
    bumpEpoch,
  });

  const until = async (what: string, condition: () => boolean): Promise<void> => {
    for (let waitedMs = 0; !condition(); waitedMs += 20) {
      if (waitedMs > 0 && waitedMs % 5000 === 0) log('warning', `waiting for ${what}`);
      await delay(20, undefined, { signal });
    }
  };
  await until('the API server’s lists', () => state.missing().length === 0 && identitiesSynced);
  serviceTable.settle();
  configure();
  watchSettings(kube, {
    namespace: environment.POD_NAMESPACE,
    signal,
    onChange(changed) {
      settings = changed;
      configure();
    },
  });

  const factsOf = async ({ pod: { namespace, name, uid } }: Pick<PodEndpoint, 'pod'>, stop: AbortSignal) => {
    const known = state.pod(namespace, name);
    if (known !== null && (uid === '' || known.uid === uid)) return known;
    // The runtime may hear of a pod before we do.
    const [pod, of] = await Promise.all([
      kube.json<never>('GET', `/api/v1/namespaces/${namespace}/pods/${name}`, { signal: stop }),
      kube.json<never>('GET', `/api/v1/namespaces/${namespace}`, { signal: stop }),
    ]);
    return podFacts(pod, of);
  };
  const attach = async (link: PodEndpoint, stop: AbortSignal): Promise<void> => {
    const pod = await factsOf(link, stop);
    const identity = await registry.ensure(pod.labels, stop);
    const endpoint = openEndpoint({ datapath, endpoints: endpointMirror }, link, { pod, identity });
    endpoints.set(link.containerId, endpoint);
    reconciler.reconcile();
    datapath.attachPod(link.ifindex);
  };

  const ipam = await openIpam({ directory: places.leases, cidrs: node.podCidrs });
  const hooks = {
    attach,
    async detach({ containerId }: { containerId: string }) {
      endpoints.get(containerId)?.remove();
      endpoints.delete(containerId);
      reconciler.reconcile();
    },
    check: async ({ containerId }: { containerId: string }) =>
      endpoints.has(containerId) ? [] : ['its policy is not loaded'],
  };
  const { endpoints: there } = await reconcilePods({ ipam, hooks }, signal);
  for (const link of there)
    await attach(link, signal).catch((error: Error) => log('error', 'pod', { link, error: error.message }));
  reconciler.reconcile();
  datapath.attachUplink(uplink.ifindex);
  datapath.attachCgroup(await findCgroupRoot(places.cgroup));
  ready = true;
  schedule();

  const registryOfMetrics = new Registry();
  const metrics = flowMetrics(registryOfMetrics);
  const flows = new FlowBuffer(keptFlows);
  const names = flowContext({
    ownNode,
    state,
    registry,
    endpoints,
    table,
    services: serviceTable,
    newUuid: randomUUID,
  });
  const ring = datapath.readEvents((record) => {
    const flow = flowOf(decodeEvent(record), names);
    flows.push(flow);
    metrics.observe(flow);
  });
  const reading = setInterval(() => ring.consume(), eventsEveryMs);
  signal.addEventListener('abort', () => clearInterval(reading), { once: true });

  const { closed } = await serveCni({
    socketPath: places.socket,
    handler: cniHandler({ ipam, hooks, mtu: uplink.mtu }),
    signal,
    onRequest: ({ request, durationSeconds, error }) =>
      log(error === null ? 'info' : 'error', `CNI ${request?.command}`, {
        pod: request === null ? null : request.args,
        durationSeconds,
        ...(error === null ? {} : { error: error.message }),
      }),
  });
  await installPlugin(signal);
  await serveStatus(
    statusPort,
    {
      datapath,
      endpoints,
      flows,
      registry: registryOfMetrics,
      services: serviceTable,
      state,
      settings: () => settings,
    },
    signal,
  );
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
