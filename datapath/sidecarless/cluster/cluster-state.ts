import type { KubernetesObject, V1EndpointSlice, V1Namespace, V1Node, V1Pod, V1Service } from '@kubernetes/client-node';
import type { Kube } from '../../../clusters/kube/kube.ts';
import { parsePolicy } from '../policy/parse.ts';
import type { ParsedPolicy, Rule } from '../policy/rule.ts';
import type { ServiceName } from '../services/services.ts';
import { type NodeFacts, nodeFacts } from './node-facts.ts';
import { type PodFacts, podFacts } from './pod-facts.ts';

/** Where policies are in the API. */
const policyPaths = [
  '/apis/networking.k8s.io/v1/networkpolicies',
  '/apis/cilium.io/v2/ciliumnetworkpolicies',
  '/apis/cilium.io/v2/ciliumclusterwidenetworkpolicies',
] as const;

const policyKinds: Readonly<Record<string, { apiVersion: string; kind: string }>> = {
  [policyPaths[0]]: { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
  [policyPaths[1]]: { apiVersion: 'cilium.io/v2', kind: 'CiliumNetworkPolicy' },
  [policyPaths[2]]: { apiVersion: 'cilium.io/v2', kind: 'CiliumClusterwideNetworkPolicy' },
};

const servicesPath = '/api/v1/services';
const slicesPath = '/apis/discovery.k8s.io/v1/endpointslices';
const serviceLabel = 'kubernetes.io/service-name';

/** The cluster as this node's datapath needs to know it. */
export type ClusterState = {
  nodes(): readonly NodeFacts[];
  pods(): readonly PodFacts[];
  pod(namespace: string, name: string): PodFacts | null;
  apiServers(): readonly string[];
  rules(): readonly Rule[];
  /** Grows with every change of a policy. */
  readonly rulesVersion: number;
  policies(): readonly ParsedPolicy[];
  /** Kinds whose list has not arrived yet. */
  missing(): readonly string[];
};

export type StateOptions = {
  signal: AbortSignal;
  /** Called after a change of anything but services. */
  onChange: () => void;
  /** Not before services and their slices have both arrived: a service without its slices looks like one without backends. */
  onService: (name: ServiceName, service: V1Service | null, slices: readonly V1EndpointSlice[]) => void;
  /** Called after every change of a policy's object, its status included; with null when it is gone. */
  onPolicy: (policy: ParsedPolicy | null, document: KubernetesObject) => void;
};

/** Watches the cluster until the signal aborts. */
export function watchCluster(kube: Kube, { signal, onChange, onService, onPolicy }: StateOptions): ClusterState {
  const waiting = new Set<string>();
  const nodes = new Map<string, NodeFacts>();
  const namespaces = new Map<string, V1Namespace>();
  const rawPods = new Map<string, V1Pod>();
  const pods = new Map<string, PodFacts>();
  const services = new Map<string, V1Service>();
  const slices = new Map<string, Map<string, V1EndpointSlice>>();
  const parsed = new Map<string, { policy: ParsedPolicy; metadata: KubernetesObject['metadata'] }>();
  let rules: readonly Rule[] = [];
  let rulesVersion = 0;

  const watch = <T extends KubernetesObject>(
    path: string,
    change: (object: T, deleted: boolean) => void,
    synced: () => void = () => undefined,
  ): void => {
    waiting.add(path);
    kube.inform<T>(path, {
      signal,
      onChange: change,
      onSync() {
        waiting.delete(path);
        synced();
        onChange();
      },
    });
  };
  const keyOf = ({ metadata }: KubernetesObject): string => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
  const learnPod = (pod: V1Pod): void => {
    // A namespace that is not known yet has its pods learnt when it is.
    const namespace = namespaces.get(pod.metadata?.namespace ?? '');
    if (namespace !== undefined) pods.set(keyOf(pod), podFacts(pod, namespace));
  };

  watch<V1Node>('/api/v1/nodes', (node, deleted) => {
    const facts = nodeFacts(node);
    const before = JSON.stringify(nodes.get(facts.name));
    if (deleted) nodes.delete(facts.name);
    else nodes.set(facts.name, facts);
    // Nodes report every few seconds that nothing has changed.
    if (JSON.stringify(nodes.get(facts.name)) !== before) onChange();
  });
  watch<V1Namespace>('/api/v1/namespaces', (namespace, deleted) => {
    const name = namespace.metadata?.name ?? '';
    const before = JSON.stringify(namespaces.get(name)?.metadata?.labels);
    if (deleted) namespaces.delete(name);
    else namespaces.set(name, namespace);
    if (JSON.stringify(namespaces.get(name)?.metadata?.labels) === before) return;
    for (const pod of rawPods.values()) if (pod.metadata?.namespace === name) learnPod(pod);
    onChange();
  });
  watch<V1Pod>('/api/v1/pods', (pod, deleted) => {
    const key = keyOf(pod);
    const before = JSON.stringify(pods.get(key));
    if (deleted) {
      rawPods.delete(key);
      pods.delete(key);
    } else {
      rawPods.set(key, pod);
      learnPod(pod);
    }
    if (JSON.stringify(pods.get(key)) !== before) onChange();
  });

  const servicesSynced = (): boolean => !waiting.has(servicesPath) && !waiting.has(slicesPath);
  const serviceChanged = (namespace: string, name: string): void => {
    if (!servicesSynced()) return;
    const key = `${namespace}/${name}`;
    const own = [...(slices.get(key)?.values() ?? [])];
    onService({ namespace, name }, services.get(key) ?? null, own);
    if (key === 'default/kubernetes') onChange();
  };
  const allServices = (): void => {
    for (const { metadata } of services.values()) serviceChanged(metadata?.namespace ?? '', metadata?.name ?? '');
  };
  const learnService = (service: V1Service, deleted: boolean): void => {
    if (deleted) services.delete(keyOf(service));
    else services.set(keyOf(service), service);
    serviceChanged(service.metadata?.namespace ?? '', service.metadata?.name ?? '');
  };
  watch<V1Service>(servicesPath, learnService, allServices);
  const learnSlice = (slice: V1EndpointSlice, deleted: boolean): void => {
    const namespace = slice.metadata?.namespace ?? '';
    const service = slice.metadata?.labels?.[serviceLabel];
    if (service === undefined) return;
    const own = slices.get(`${namespace}/${service}`) ?? new Map<string, V1EndpointSlice>();
    slices.set(`${namespace}/${service}`, own);
    if (deleted) own.delete(keyOf(slice));
    else own.set(keyOf(slice), slice);
    serviceChanged(namespace, service);
  };
  watch<V1EndpointSlice>(slicesPath, learnSlice, allServices);

  for (const path of policyPaths) {
    watch<KubernetesObject>(path, (object, deleted) => {
      // Items of a list have neither.
      const document = { ...object, ...policyKinds[path] };
      const key = `${path} ${keyOf(document)}`;
      const known = parsed.get(key);
      if (deleted) {
        parsed.delete(key);
        onPolicy(null, document);
      } else if (known !== undefined && isSameGeneration(known.metadata, document.metadata)) {
        // Nothing but its status, labels and such: the same rules need not be compiled again.
        onPolicy(known.policy, document);
        return;
      } else {
        const policy = parsePolicy(document);
        parsed.set(key, { policy, metadata: document.metadata });
        onPolicy(policy, document);
      }
      rules = [...parsed.values()].flatMap(({ policy }) => policy.rules);
      rulesVersion++;
      onChange();
    });
  }

  return {
    nodes: () => [...nodes.values()],
    pods: () => [...pods.values()],
    pod: (namespace, name) => pods.get(`${namespace}/${name}`) ?? null,
    apiServers: () =>
      [...(slices.get('default/kubernetes')?.values() ?? [])].flatMap(({ endpoints }) =>
        (endpoints ?? []).flatMap(({ addresses }) => addresses),
      ),
    rules: () => rules,
    get rulesVersion() {
      return rulesVersion;
    },
    policies: () => [...parsed.values()].map(({ policy }) => policy),
    missing: () => [...waiting],
  };
}

/** The API server counts the generations of an object's specification. */
function isSameGeneration(before: KubernetesObject['metadata'], now: KubernetesObject['metadata']): boolean {
  return now?.generation !== undefined && before?.generation === now.generation && before.uid === now.uid;
}
