import type { PeerCertificate } from 'node:tls';
import {
  Server,
  type ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { LabError } from '../../clusters/error.ts';
import { type Acceptance, acceptanceOf } from './acceptance.ts';
import type { EnvoyApi } from './api.ts';
import { type DeltaRequest, type DeltaResponse, DeltaStream } from './delta-stream.ts';
import { kindOf } from './resource.ts';
import type { Snapshot } from './snapshot.ts';

/** Serves configuration (ADS) and certificates (SDS) to Envoys, each its own snapshot, by incremental xDS. */
export type XdsServer = {
  /** The TCP port that it listens on; 0 on a Unix socket. */
  readonly port: number;
  /** What this proxy is to run from now on. */
  set(proxyId: string, snapshot: Snapshot): void;
  /** Forgets a proxy and ends its streams. */
  forget(proxyId: string): void;
  /** What a proxy has said to its last snapshot. */
  acceptance(proxyId: string): Acceptance;
  /**
   * Resolves when the proxy has acknowledged every resource of its last snapshot.
   * @throws LabError LAB_ENVOY_REJECTED with Envoy's own words, LAB_ENVOY_SILENT when time runs out.
   */
  accepted(proxyId: string, options: { signal: AbortSignal; timeoutSeconds: number }): Promise<void>;
  /** Proxies that have a snapshot, and whether they are connected. */
  proxies(): { id: string; connected: boolean; acceptance: Acceptance }[];
  close(): void;
};

export type XdsServerOptions = {
  api: EnvoyApi;
  /** `host:port`, or `unix:` and an absolute path. */
  address: string;
  credentials: ServerCredentials;
  /** Null when the peer may be this proxy, else why it may not. */
  refuse(proxyId: string, certificate: PeerCertificate | undefined): string | null;
};

type Proxy = { snapshot: Snapshot | null; streams: Set<Stream> };
type Call = ServerDuplexStream<DeltaRequest, DeltaResponse>;
type Stream = { delta: DeltaStream; call: Call };

const methods = [
  '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
  '/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets',
];

/** Starts serving. @throws Error when the address is taken. */
export async function startXdsServer(options: XdsServerOptions): Promise<XdsServer> {
  const proxies = new Map<string, Proxy>();
  const watchers = new Set<() => void>();
  const notify = (): void => {
    for (const watcher of watchers) watcher();
  };
  const proxyOf = (id: string): Proxy => {
    const proxy = proxies.get(id) ?? { snapshot: null, streams: new Set() };
    proxies.set(id, proxy);
    return proxy;
  };
  const acceptance = (id: string): Acceptance => {
    const proxy = proxies.get(id);
    if (proxy === undefined || proxy.snapshot === null) return { state: 'pending', missing: ['its configuration'] };
    return acceptanceOf(
      proxy.snapshot,
      [...proxy.streams].map(({ delta }) => delta),
    );
  };
  const server = new Server();
  for (const path of methods) {
    const { service, implementation } = definition(options.api, path, (call) =>
      serve(call, { ...options, proxyOf, notify }),
    );
    server.addService(service, implementation);
  }
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(options.address, options.credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return {
    port: options.address.startsWith('unix:') ? 0 : port,
    set(id, snapshot) {
      const proxy = proxyOf(id);
      proxy.snapshot = snapshot;
      for (const { delta } of proxy.streams) delta.setSnapshot(snapshot);
      notify();
    },
    forget(id) {
      for (const { call } of proxies.get(id)?.streams ?? []) call.end();
      proxies.delete(id);
      notify();
    },
    acceptance,
    accepted: (id, { signal, timeoutSeconds }) =>
      new Promise((resolve, reject) => {
        const deadline = AbortSignal.timeout(timeoutSeconds * 1000);
        const finish = (settle: () => void): void => {
          watchers.delete(check);
          signal.removeEventListener('abort', check);
          deadline.removeEventListener('abort', check);
          settle();
        };
        const check = (): void => {
          const now = acceptance(id);
          if (now.state === 'accepted') finish(resolve);
          else if (now.state === 'rejected') finish(() => reject(rejected(id, now.message)));
          else if (signal.aborted) finish(() => reject(signal.reason));
          else if (deadline.aborted) finish(() => reject(silent(id, timeoutSeconds, now.missing)));
        };
        watchers.add(check);
        signal.addEventListener('abort', check);
        deadline.addEventListener('abort', check);
        check();
      }),
    proxies: () =>
      [...proxies]
        .filter(([, { snapshot }]) => snapshot !== null)
        .map(([id, { streams }]) => ({ id, connected: streams.size > 0, acceptance: acceptance(id) })),
    close: () => server.forceShutdown(),
  };
}

type ServeContext = Pick<XdsServerOptions, 'refuse'> & { proxyOf: (id: string) => Proxy; notify: () => void };

/** One stream, whose first request says which proxy it is. */
function serve(call: Call, { refuse, proxyOf, notify }: ServeContext): void {
  const stream: Stream = { call, delta: new DeltaStream((response) => call.write(response)) };
  let proxy: Proxy | null = null;
  const leave = (): void => {
    if (proxy?.streams.delete(stream)) notify();
  };
  call.on('data', (request: DeltaRequest) => {
    if (proxy === null) {
      const id = request.node?.id ?? '';
      const reason = refuse(id, call.getAuthContext()?.sslPeerCertificate);
      if (reason !== null) {
        call.emit('error', { code: status.PERMISSION_DENIED, details: reason });
        return;
      }
      proxy = proxyOf(id);
      proxy.streams.add(stream);
    }
    const kind = kindOf(request.typeUrl);
    if (kind === null) return;
    stream.delta.receive(kind, request);
    if (proxy.snapshot !== null) stream.delta.setSnapshot(proxy.snapshot);
    notify();
  });
  call.on('end', () => {
    leave();
    call.end();
  });
  call.on('cancelled', leave);
  call.on('error', leave);
}

function definition(
  api: EnvoyApi,
  path: string,
  handler: (call: Call) => void,
): { service: ServiceDefinition; implementation: UntypedServiceImplementation } {
  const requestType = 'envoy.service.discovery.v3.DeltaDiscoveryRequest';
  const responseType = 'envoy.service.discovery.v3.DeltaDiscoveryResponse';
  const encode = (type: string) => (message: object) => Buffer.from(api.encodeMessage(type, message));
  const decode = (type: string) => (bytes: Buffer) => api.decode<object>(type, bytes);
  return {
    service: {
      stream: {
        path,
        requestStream: true,
        responseStream: true,
        requestSerialize: encode(requestType),
        requestDeserialize: decode(requestType),
        responseSerialize: encode(responseType),
        responseDeserialize: decode(responseType),
      },
    },
    implementation: { stream: handler },
  };
}

function rejected(id: string, message: string): LabError {
  return new LabError('LAB_ENVOY_REJECTED', { message: `Envoy of ${id} refused its configuration: ${message}` });
}

function silent(id: string, timeoutSeconds: number, missing: readonly string[]): LabError {
  return new LabError('LAB_ENVOY_SILENT', {
    message: `Envoy of ${id} has not accepted within ${timeoutSeconds} s: ${missing.join(', ')}`,
    remedy: `Look at the log of its pod's containers envoy and lab-agent.`,
  });
}
