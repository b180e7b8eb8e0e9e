import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { PeerCertificate } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import type { KubernetesObject } from '@kubernetes/client-node';
import type { Kube } from '../../clusters/kube.ts';
import { type EnvoyApi, loadEnvoyApi } from '../envoy/api.ts';
import { type AuthorityFiles, openAuthority } from '../envoy/certificate-authority.ts';
import { certificateEndpoint } from '../envoy/certificate-endpoint.ts';
import { controlPorts } from '../envoy/ports.ts';
import { encodeSnapshot } from '../envoy/snapshot.ts';
import { peerUri, spiffeId } from '../envoy/spiffe.ts';
import { reviewToken } from '../envoy/token-review.ts';
import { startXdsServer, type XdsServer } from '../envoy/xds-server.ts';
import { acceptedAnswer } from './accepted.ts';
import { sidecarConfiguration } from './configuration.ts';
import { type MeshWatch, watchMesh } from './mesh-watch.ts';
import { controlDnsName, controlServiceAccount, meshConfigMap, nodeId, podOfNode } from './places.ts';

export type ControlOptions = {
  kube: Kube;
  /** Namespace whose pods are served, and the control plane's own. */
  namespace: string;
  systemNamespace: string;
  /** The address that sidecars are told to find it by. */
  publishedAddress: string;
  listenAddress: string;
  descriptors: string;
  authority: AuthorityFiles;
  certificateLifetimeSeconds: number;
  log: (message: string) => void;
  signal: AbortSignal;
};

/** Starts the control plane of one pool's sidecars: xDS and certificates over TLS, status over HTTP. */
export async function startControl(options: ControlOptions): Promise<{ close(): void }> {
  const { kube, namespace, systemNamespace, log, signal } = options;
  const api = loadEnvoyApi(options.descriptors);
  const authority = await openAuthority(options.authority);
  const own = await authority.serve({
    spiffeId: spiffeId({ namespace: systemNamespace, serviceAccount: controlServiceAccount }),
    dnsName: controlDnsName,
  });
  const changes = new EventEmitter();
  const watch = watchMesh(kube, namespace, {
    signal,
    onChange: () => {
      changes.emit('change');
      schedule();
    },
  });
  const xds = await startXdsServer({
    api,
    address: `${options.listenAddress}:${controlPorts.xds}`,
    credentials: ServerCredentials.createSsl(
      Buffer.from(authority.root),
      [{ cert_chain: Buffer.from(own.certificate), private_key: Buffer.from(own.key) }],
      true,
    ),
    refuse: (id, certificate) => {
      const reason = refusal(watch, namespace, id, certificate);
      if (reason !== null) log(`refused ${id}: ${reason}`);
      return reason;
    },
  });
  const publish = publisher(options, authority.root, watch);
  const update = (): void => {
    distribute({ api, xds, watch, namespace });
    publish();
  };
  const schedule = debounced(update);
  const certificates = createTlsServer(
    { key: own.key, cert: own.certificate, minVersion: 'TLSv1.3' },
    certificateEndpoint({
      authority,
      lifetimeSeconds: options.certificateLifetimeSeconds,
      review: (token) => reviewToken(kube, token),
      admits: ({ namespace: of, pod, podUid }) => of === namespace && watch.pod(pod)?.metadata?.uid === podUid,
    }),
  );
  const accepted = (body: unknown, gone: AbortSignal) =>
    acceptedAnswer(
      {
        xds,
        watch,
        namespace,
        update: () => distribute({ api, xds, watch, namespace }),
        changed: (within) => once(changes, 'change', { signal: within }),
        signal: AbortSignal.any([gone, signal]),
      },
      body,
    );
  const status = createServer(
    (request, response) => void answerStatus(request, response, { xds, watch, options, accepted }),
  );
  await listen(certificates, options.listenAddress, controlPorts.certificates);
  await listen(status, options.listenAddress, controlPorts.status);
  log(`serves sidecars of ${namespace}`);
  return {
    close() {
      xds.close();
      certificates.close();
      certificates.closeAllConnections();
      status.close();
      status.closeAllConnections();
    },
  };
}

/** A proxy is who it says when its certificate is its pod's service account's. */
function refusal(
  watch: MeshWatch,
  namespace: string,
  id: string,
  certificate: PeerCertificate | undefined,
): string | null {
  const pod = podOfNode(id, namespace);
  const serviceAccount = pod === null ? undefined : watch.mesh()?.proxies.get(pod)?.serviceAccount;
  if (serviceAccount === undefined) return 'no pod with a sidecar has this name';
  const uri = peerUri(certificate?.subjectaltname);
  const expected = spiffeId({ namespace, serviceAccount });
  return uri === expected ? null : `its certificate is of ${uri}, not of ${expected}`;
}

/** Gives every proxy what it is to run now; encoding the same again costs Envoy nothing. */
function distribute(context: { api: EnvoyApi; xds: XdsServer; watch: MeshWatch; namespace: string }): void {
  const { api, xds, watch, namespace } = context;
  const mesh = watch.mesh();
  if (mesh === null) return;
  const policy = watch.policy();
  for (const { id } of xds.proxies()) {
    if (!mesh.proxies.has(podOfNode(id, namespace) ?? '')) xds.forget(id);
  }
  for (const pod of mesh.proxies.keys()) {
    const configuration = sidecarConfiguration(mesh, pod, policy);
    if (configuration !== null) xds.set(nodeId(pod, namespace), encodeSnapshot(api, configuration));
  }
}

/** Keeps the ConfigMap by which a namespace's pods find the control plane, whenever there is such a namespace. */
function publisher({ kube, namespace, publishedAddress, log, signal }: ControlOptions, root: string, watch: MeshWatch) {
  const data = { [meshConfigMap.root]: root, [meshConfigMap.control]: publishedAddress };
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: meshConfigMap.name, namespace },
    data,
  } as KubernetesObject;
  let busy = false;
  return (): void => {
    const there = watch.configMap(meshConfigMap.name)?.data;
    const isCurrent = Object.entries(data).every(([key, value]) => there?.[key] === value);
    if (busy || isCurrent || watch.namespace() === undefined) return;
    busy = true;
    kube
      .apply([object], signal)
      .catch((error: Error) => log(error.message))
      .finally(() => {
        busy = false;
      });
  };
}

async function answerStatus(
  request: IncomingMessage,
  response: ServerResponse,
  {
    xds,
    watch,
    options,
    accepted,
  }: {
    xds: XdsServer;
    watch: MeshWatch;
    options: ControlOptions;
    accepted: (body: unknown, gone: AbortSignal) => Promise<object>;
  },
): Promise<void> {
  const send = (status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify(body)}\n`);
  };
  const published = watch.configMap(meshConfigMap.name)?.data?.[meshConfigMap.control] === options.publishedAddress;
  const ready = watch.mesh() !== null && (published || watch.namespace() === undefined);
  if (request.url === '/healthz') return send(ready ? 200 : 503, { ready });
  if (request.url === '/status') return send(200, { policyError: watch.policyError(), proxies: xds.proxies() });
  if (request.url !== '/accepted' || request.method !== 'POST') return send(404, { message: 'not found' });
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
    send(200, await accepted(body, gone.signal));
  } catch (error) {
    if (!gone.signal.aborted) send(400, { message: (error as Error).message });
  }
}

// Many objects change at once when something is deployed: one update serves them all.
function debounced(action: () => void): () => void {
  let scheduled = false;
  return () => {
    if (scheduled) return;
    scheduled = true;
    setTimeout(() => {
      scheduled = false;
      action();
    }, 10);
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
}
