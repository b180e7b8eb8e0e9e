import { readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ServerCredentials } from '@grpc/grpc-js';
import { z } from 'zod';
import { loadEnvoyApi } from '../envoy/api.ts';
import { obtainCertificate, type WorkloadCertificate } from '../envoy/certificate-client.ts';
import { descriptorsPath } from '../envoy/image-files.ts';
import { controlDnsName, meshConfigMap } from '../envoy/mesh/places.ts';
import { proxyName } from '../envoy/mesh/proxy-name.ts';
import { controlPorts, envoyPorts } from '../envoy/ports.ts';
import { secretResources } from '../envoy/secrets.ts';
import { encodeSnapshot } from '../envoy/snapshot.ts';
import { spiffeId } from '../envoy/spiffe.ts';
import { startXdsServer } from '../envoy/xds-server.ts';
import { AppProbes, appProbeHandler } from './app-probes.ts';
import { directories, proxyKind } from './places.ts';

/** Program that stands beside Envoy in each pod: certificates by SDS on a Unix socket, and the application's probes. */
const Environment = z.object({
  POD_NAME: z.string().min(1),
  POD_NAMESPACE: z.string().min(1),
  POD_IP: z.string().min(1),
  SERVICE_ACCOUNT: z.string().min(1),
  CONTROL_ADDRESS: z.string().min(1),
  ENVOY_DESCRIPTORS: z.string().default(descriptorsPath),
  AGENT_DIRECTORY: z.string().default(directories.agent),
  TOKEN_DIRECTORY: z.string().default(directories.token),
  MESH_DIRECTORY: z.string().default(directories.mesh),
  APP_PROBES: z
    .string()
    .default('{}')
    .transform((text) => AppProbes.parse(JSON.parse(text))),
});
type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const ended = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => ended.abort());
await serve(environment, ended.signal).catch((error) => {
  if (!ended.signal.aborted) throw error;
});
process.exit(0);

async function serve(environment: Environment, signal: AbortSignal): Promise<void> {
  const handle = appProbeHandler(environment.APP_PROBES, environment.POD_IP);
  createServer((request, response) => void handle(request, response)).listen(envoyPorts.agent);
  const api = loadEnvoyApi(environment.ENVOY_DESCRIPTORS);
  const id = proxyName(proxyKind, environment.POD_NAME, environment.POD_NAMESPACE);
  const socket = join(environment.AGENT_DIRECTORY, 'sds.sock');
  // One that a killed agent has left behind cannot be bound to.
  await rm(socket, { force: true });
  const server = await startXdsServer({
    api,
    address: `unix:${socket}`,
    // Who can open the socket is in the pod, and what is served is the pod's own.
    credentials: ServerCredentials.createInsecure(),
    refuse: (node) => (node === id ? null : `this is the agent of ${id}`),
  });
  while (!signal.aborted) {
    const { certificate, roots } = await certified(environment, signal);
    server.set(id, encodeSnapshot(api, { secret: secretResources(certificate, roots) }));
    log(`certificate until ${new Date(certificate.renewAtMs).toISOString()}`);
    await delay(Math.max(0, certificate.renewAtMs - Date.now()), undefined, { signal });
  }
}

/** Asks for a certificate until there is one; later and later, up to every 5 s. */
async function certified(
  environment: Environment,
  signal: AbortSignal,
): Promise<{ certificate: WorkloadCertificate; roots: string }> {
  for (let pauseSeconds = 0.1; ; pauseSeconds = Math.min(5, pauseSeconds * 2)) {
    try {
      const [token, roots] = await Promise.all([
        readFile(join(environment.TOKEN_DIRECTORY, 'token'), 'utf8'),
        readFile(join(environment.MESH_DIRECTORY, meshConfigMap.root), 'utf8'),
      ]);
      const certificate = await obtainCertificate({
        host: environment.CONTROL_ADDRESS,
        port: controlPorts.certificates,
        serverName: controlDnsName,
        root: roots,
        token: token.trim(),
        spiffeId: spiffeId({ namespace: environment.POD_NAMESPACE, serviceAccount: environment.SERVICE_ACCOUNT }),
        signal,
      });
      return { certificate, roots };
    } catch (error) {
      signal.throwIfAborted();
      log((error as Error).message);
      await delay(pauseSeconds * 1000 * (0.5 + Math.random()), undefined, { signal });
    }
  }
}

function log(message: string): void {
  process.stderr.write(`${new Date().toISOString()} agent: ${message}\n`);
}
