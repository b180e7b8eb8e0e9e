import type { V1EndpointSlice, V1Service } from '@kubernetes/client-node';
import { type MapShape, mapSizes, maps } from '../../datapath/sidecarless/abi/maps.ts';
import type { PodFacts } from '../../datapath/sidecarless/cluster/pod-facts.ts';
import { openEndpoint } from '../../datapath/sidecarless/endpoints/endpoint.ts';
import { policyMaps } from '../../datapath/sidecarless/endpoints/policy-maps.ts';
import { ipcacheEntries } from '../../datapath/sidecarless/identities/ipcache.ts';
import { libbpf, resultOf } from '../../datapath/sidecarless/libbpf/libbpf.ts';
import { type BpfMap, bpfMap, createPolicyMap } from '../../datapath/sidecarless/libbpf/map.ts';
import { mapTypes } from '../../datapath/sidecarless/libbpf/map-types.ts';
import { mirrorOf } from '../../datapath/sidecarless/maps/mirror.ts';
import { compile } from '../../datapath/sidecarless/policy/compile.ts';
import { parsePolicy } from '../../datapath/sidecarless/policy/parse.ts';
import { podLabels } from '../../datapath/sidecarless/policy/pod-labels.ts';
import { RuleTable } from '../../datapath/sidecarless/policy/rule-table.ts';
import { ServiceTable } from '../../datapath/sidecarless/services/services.ts';

/** How many entries the agent has written to a map of the kernel's, and in how many seconds, from the objects of the API on. */
export type Speed = { what: string; entries: number; seconds: number };

const services = 10_000;
const backendsEach = 3;
const pods = 20_000;
const endpoints = 4;
const identities = 1_000;
const ports = 15;

const ownNode = 'node';
const namespace = { metadata: { name: 'shop', labels: { 'kubernetes.io/metadata.name': 'shop' } } };

/** Writes services, addresses and policies by the agent's own code into maps like its own, which nobody else sees. */
export async function measureSpeeds(): Promise<Speed[]> {
  return [serviceSpeed(), addressSpeed(), await policySpeed()];
}

/** Services, one after the other as their events come: frontends, slots and backends. */
function serviceSpeed(): Speed {
  const frontends = hashMap('speed_services', maps.sl_services);
  const backends = hashMap('speed_backends', maps.sl_backends);
  const documents = Array.from({ length: services }, (_, number) => serviceOf(number));
  const table = new ServiceTable(mirrorOf(frontends), mirrorOf(backends), ownNode, () => undefined);
  const seconds = timed(() => {
    for (const { service, slice } of documents)
      table.set({ namespace: 'shop', name: service.metadata?.name ?? '' }, service, [slice]);
  });
  return closing([frontends, backends], 'services and backends', seconds);
}

/** Who is at which address: all pods of a large cluster at once, as when the agent starts. */
function addressSpeed(): Speed {
  const ipcache = createPolicyMap('speed_ipcache', {
    ...mapSizes(maps.sl_ipcache, 1),
    entries: maps.sl_ipcache.entries,
  });
  const mirror = mirrorOf(ipcache);
  const all = Array.from({ length: pods }, (_, number) => ({ pod: podOf(number), identity: 256 + (number % 500) }));
  const seconds = timed(() =>
    mirror.put(ipcacheEntries({ ownNode, ownAddresses: [], nodes: [], apiServers: [], pods: all, ranges: [] })),
  );
  return closing([ipcache], 'addresses', seconds);
}

/** Endpoints that admit many identities to many ports each: compiled, held against what is there, written. */
async function policySpeed(): Promise<Speed> {
  const addresses = hashMap('speed_endpoints', maps.sl_pods);
  // It is the programs that look endpoints' maps up by this one; here it only holds their descriptors.
  const policies = hashMap('speed_policies', maps.sl_policies);
  const mapsOfPolicies = policyMaps(policies);
  const none = { entries: [], policeIngress: false, policeEgress: false };
  const { policy, problems } = parseOne();
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  const peers = Array.from({ length: identities }, (_, number) => ({ id: 256 + number, labels: podOf(number).labels }));
  const opening = Array.from({ length: endpoints }, (_, number) => {
    const pod = podOf(number);
    const link = {
      ...{ containerId: `${number}`, ifname: 'eth0', netns: '', pod: { namespace: 'shop', name: pod.name, uid: '' } },
      ...{ addresses: pod.addresses, ifindex: number + 1, mac: '02:00:00:00:00:01', nodeMac: '02:00:00:00:00:02' },
    };
    const maps = {
      datapath: { connections: policies, masqueraded: policies },
      policies: mapsOfPolicies,
      endpoints: mirrorOf(addresses),
    };
    return openEndpoint(maps, link, { pod, identity: 256 + number, policy: none });
  });
  const opened = await Promise.all(opening);
  let entries = 0;
  const seconds = timed(() => {
    for (const endpoint of opened) {
      const compiled = compile({
        endpoint: { labels: endpoint.pod.labels },
        rules: policy,
        identities: peers,
        namedPorts: { own: [], ofIdentity: new Map() },
        table: new RuleTable(),
      });
      endpoint.grant(compiled);
      entries += compiled.entries.length;
    }
  });
  addresses.close();
  // The other map is for the end of this process to close: spare ones may be on their way into it.
  return { what: 'policies', entries, seconds };
}

function parseOne(): { policy: ReturnType<typeof parsePolicy>['rules']; problems: readonly unknown[] } {
  const { rules, problems } = parsePolicy({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { namespace: 'shop', name: 'many' },
    spec: {
      podSelector: {},
      policyTypes: ['Ingress'],
      ingress: [
        {
          from: [{ podSelector: {} }],
          // Not next to each other: a range would be one entry.
          ports: Array.from({ length: ports }, (_, number) => ({ protocol: 'TCP', port: 1001 + 2 * number })),
        },
      ],
    },
  } as never);
  return { policy: rules, problems };
}

function serviceOf(number: number): { service: V1Service; slice: V1EndpointSlice } {
  const [high, low] = [number >> 8, number & 255];
  return {
    service: {
      metadata: { namespace: 'shop', name: `service-${number}` },
      spec: { clusterIPs: [`10.96.${high}.${low}`], ports: [{ port: 80, protocol: 'TCP' }] },
    },
    slice: {
      addressType: 'IPv4',
      endpoints: Array.from({ length: backendsEach }, (_, index) => ({
        addresses: [`10.${100 + index}.${high}.${low}`],
        conditions: { ready: true },
      })),
      ports: [{ port: 8080, protocol: 'TCP' }],
    },
  };
}

function podOf(number: number): PodFacts {
  const pod = { metadata: { namespace: 'shop', name: `pod-${number}`, labels: { app: `app-${number % identities}` } } };
  return {
    ...{ namespace: 'shop', name: `pod-${number}`, uid: '', node: ownNode, labels: podLabels(pod, namespace) },
    ...{
      addresses: [`10.200.${number >> 8}.${number & 255}`],
      namedPorts: [],
      hostPorts: [],
      shortcut: true,
      workload: { kind: 'Pod', name: 'web' },
    },
  };
}

/** A hash of the sizes of one of the programs' maps. */
function hashMap(name: string, like: MapShape): BpfMap {
  const { keySize, valueSize } = mapSizes(like, 1);
  const fd = libbpf().createMap(mapTypes.HASH, name.slice(0, 15), keySize, valueSize, like.entries ?? 0, null);
  return bpfMap(name, resultOf(`make map ${name}`, fd), keySize, valueSize);
}

/** What is in the maps in the end, counted in the kernel. */
function closing(maps: readonly BpfMap[], what: string, seconds: number): Speed {
  const entries = maps.reduce((sum, map) => sum + map.entries().length, 0);
  for (const map of maps) map.close();
  return { what, entries, seconds };
}

function timed(work: () => void): number {
  const began = performance.now();
  work();
  return (performance.now() - began) / 1000;
}
