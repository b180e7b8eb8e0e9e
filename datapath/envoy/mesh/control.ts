import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1Service } from '@kubernetes/client-node';
import { z } from 'zod';
import { connect } from '../../../clusters/kube/connect.ts';
import { descriptorsPath } from '../image-files.ts';
import { startControl } from './control-server.ts';
import type { Fleet } from './fleet.ts';

/** What a control plane's container is told. */
const Environment = z.object({
  /** Namespace whose pods it serves. */
  MESH_NAMESPACE: z.string().min(1),
  POD_NAMESPACE: z.string().min(1),
  ENVOY_DESCRIPTORS: z.string().default(descriptorsPath),
  AUTHORITY_DIRECTORY: z.string().default('/var/run/lab/authority'),
  CERTIFICATE_LIFETIME_SECONDS: z.coerce
    .number()
    .positive()
    .default(24 * 3600),
});

/** What the program of a pool's control plane does: serves the fleet of one namespace until it is told to end. */
export async function runControl(fleet: Fleet): Promise<void> {
  const environment = Environment.parse(process.env);
  const ended = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => ended.abort());
  const kube = await connect(null);
  const service = await kube.json<V1Service>('GET', `/api/v1/namespaces/${environment.POD_NAMESPACE}/services/control`);
  const file = (name: string): string => readFileSync(join(environment.AUTHORITY_DIRECTORY, name), 'utf8');
  const control = await startControl({
    kube,
    fleet,
    namespace: environment.MESH_NAMESPACE,
    systemNamespace: environment.POD_NAMESPACE,
    publishedAddress: service.spec?.clusterIP ?? '',
    listenAddress: '0.0.0.0',
    descriptors: environment.ENVOY_DESCRIPTORS,
    authority: { certificate: file('tls.crt'), key: file('tls.key') },
    certificateLifetimeSeconds: environment.CERTIFICATE_LIFETIME_SECONDS,
    log: (message) => process.stderr.write(`${new Date().toISOString()} control: ${message}\n`),
    signal: ended.signal,
  });
  ended.signal.addEventListener('abort', () => {
    control.close();
    process.exit(0);
  });
}
