import { createServer } from 'node:http';
import type { Registry } from 'prom-client';
import type { FlowBuffer } from '../flow/flow-buffer.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Datapath } from './datapath.ts';
import type { Endpoint } from './endpoint.ts';
import { evidenceOf } from './evidence-of.ts';
import type { ServiceTable } from './services.ts';
import type { Settings } from './settings.ts';

export type StatusSources = {
  datapath: Datapath;
  endpoints: ReadonlyMap<string, Endpoint>;
  flows: FlowBuffer;
  registry: Registry;
  services: ServiceTable;
  state: ClusterState;
  settings: () => Settings;
};

/** Serves health, metrics, flows and evidence over HTTP, on all of the node's addresses, until the signal aborts. */
export async function serveStatus(port: number, sources: StatusSources, signal: AbortSignal): Promise<void> {
  const { datapath, endpoints, flows, registry, services, state, settings } = sources;
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://agent');
    const json = (value: unknown): void => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(value)}\n`);
    };
    switch (url.pathname) {
      case '/healthz':
        return response.end('ok\n');
      case '/metrics':
        return response.writeHead(200, { 'content-type': registry.contentType }).end(await registry.metrics());
      case '/evidence':
        return json(evidenceOf(datapath, services));
      case '/settings':
        return json(settings());
      case '/services':
        return json({ backends: services.chosen() });
      case '/status':
        return json({
          endpoints: [...endpoints.values()].map(({ id, pod, identity, link }) => ({
            id,
            pod: `${pod.namespace}/${pod.name}`,
            identity,
            addresses: link.addresses,
          })),
          services: services.size,
          policies: state.policies().map(({ policy, problems }) => ({ ...policy, problems })),
        });
      case '/flows.json':
        return json({ flows: flows.last(Number(url.searchParams.get('last') ?? 100)) });
      case '/flows': {
        const gone = new AbortController();
        response.on('close', () => gone.abort());
        response.writeHead(200, { 'content-type': 'application/x-ndjson' });
        const last = flows.last(Number(url.searchParams.get('last') ?? 100));
        for (const record of last) response.write(`${JSON.stringify(record)}\n`);
        if (url.searchParams.get('follow') !== 'true') return response.end();
        for await (const record of flows.follow({ signal: gone.signal })) response.write(`${JSON.stringify(record)}\n`);
        return response.end();
      }
      default:
        return response.writeHead(404).end('no such page\n');
    }
  });
  signal.addEventListener('abort', () => server.close(), { once: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, resolve);
  });
}
