import { EventEmitter, once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { PeerCertificate } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import type { Kube } from '../../../clusters/kube/kube.ts';
import { type EnvoyApi, loadEnvoyApi } from '../api.ts';
import { type AuthorityFiles, openAuthority } from '../certificate-authority.ts';
import { certificateEndpoint } from '../certificate-endpoint.ts';
import { controlPorts } from '../ports.ts';
import { encodeSnapshot } from '../snapshot.ts';
import { peerUri, spiffeId } from '../spiffe.ts';
import { reviewToken } from '../token-review.ts';
import { startXdsServer, type XdsServer } from '../xds-server.ts';
import { acceptedAnswer } from './accepted.ts';
import type { Fleet } from './fleet.ts';
import { meshPublisher } from './mesh-publisher.ts';
import { type MeshWatch, watchMesh } from './mesh-watch.ts';
import { controlDnsName } from './places.ts';
import { podOfProxy, proxyName } from './proxy-name.ts';
import { statusEndpoint } from './status-endpoint.ts';

export type ControlOptions = {
  kube: Kube;
  fleet: Fleet;
  /** Namespace whose pods are served, and the control plane's own. */
  namespace: string;
  systemNamespace: string;
  /** The address that proxies are told to find it by. */
  publishedAddress: string;
  listenAddress: string;
  descriptors: string;
  authority: AuthorityFiles;
  certificateLifetimeSeconds: number;
  log: (message: string) => void;
  signal: AbortSignal;
};

/** Starts the control plane of one pool's proxies: xDS and certificates over TLS, status over HTTP. */
export async function startControl(options: ControlOptions): Promise<{ close(): void }> {
  const { kube, fleet, namespace, systemNamespace, log, signal } = options;
  const api = loadEnvoyApi(options.descriptors);
  const authority = await openAuthority(options.authority);
  const own = await authority.serve({
    spiffeId: spiffeId({ namespace: systemNamespace, serviceAccount: fleet.controlServiceAccount }),
    dnsName: controlDnsName,
  });
  const changes = new EventEmitter();
  const watch = watchMesh(kube, namespace, {
    hasProxy: fleet.hasProxy,
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
      const reason = refusal({ fleet, watch, namespace }, id, certificate);
      if (reason !== null) log(`refused ${id}: ${reason}`);
      return reason;
    },
  });
  const address = options.publishedAddress;
  const publish = meshPublisher({ kube, namespace, root: authority.root, address, log, signal }, watch);
  const update = (): void => distribute({ api, xds, fleet, watch, namespace, log });
  const schedule = debounced(() => {
    update();
    publish();
  });
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
        nameOf: (pod) => proxyName(fleet.kind, pod, namespace),
        update,
        changed: (within) => once(changes, 'change', { signal: within }),
        signal: AbortSignal.any([gone, signal]),
      },
      body,
    );
  const status = createServer(statusEndpoint({ xds, watch, address, accepted }));
  await listen(certificates, options.listenAddress, controlPorts.certificates);
  await listen(status, options.listenAddress, controlPorts.status);
  log(`serves proxies of ${namespace}`);
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
  { fleet, watch, namespace }: { fleet: Fleet; watch: MeshWatch; namespace: string },
  id: string,
  certificate: PeerCertificate | undefined,
): string | null {
  const pod = podOfProxy(fleet.kind, id, namespace);
  const serviceAccount = pod === null ? undefined : watch.mesh()?.proxies.get(pod)?.serviceAccount;
  if (serviceAccount === undefined) return 'no pod with a proxy has this name';
  const uri = peerUri(certificate?.subjectaltname);
  const expected = spiffeId({ namespace, serviceAccount });
  return uri === expected ? null : `its certificate is of ${uri}, not of ${expected}`;
}

/** Gives every proxy what it is to run now; encoding the same again costs Envoy nothing. */
function distribute(context: {
  api: EnvoyApi;
  xds: XdsServer;
  fleet: Fleet;
  watch: MeshWatch;
  namespace: string;
  log: (message: string) => void;
}): void {
  const { api, xds, fleet, watch, namespace, log } = context;
  const mesh = watch.mesh();
  if (mesh === null) return;
  const policy = watch.policy();
  for (const { id } of xds.proxies()) {
    if (!mesh.proxies.has(podOfProxy(fleet.kind, id, namespace) ?? '')) xds.forget(id);
  }
  for (const pod of mesh.proxies.keys()) {
    const configuration = fleet.configurationOf(mesh, pod, policy);
    if (configuration === null) continue;
    try {
      xds.set(proxyName(fleet.kind, pod, namespace), encodeSnapshot(api, configuration));
    } catch (error) {
      log(`${pod} keeps what it has: ${(error as Error).message}`);
    }
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
