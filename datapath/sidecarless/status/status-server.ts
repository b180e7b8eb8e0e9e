import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { LabError } from '../../../clusters/error.ts';
import { log } from '../agent/log.ts';
import type { Reconciler } from '../endpoints/reconciler.ts';
import type { FlowBuffer } from '../flow/flow-buffer.ts';
import { readFlowParameters } from '../flow/flow-parameters.ts';
import { streamFlows } from '../flow/flow-stream.ts';
import type { Configuration } from '../maps/configuration.ts';
import { perCpuSum } from '../maps/per-cpu.ts';
import { readTraceQuery, type TraceSources, tracePolicy } from '../policy-trace/policy-trace.ts';
import type { ServiceTable } from '../services/services.ts';
import { evidenceOf } from './node-evidence.ts';

export type StatusSources = TraceSources & {
  flows: FlowBuffer;
  registry: Registry;
  services: ServiceTable;
  configuration: Pick<Configuration, 'settings'>;
  reconciler: Pick<Reconciler, 'enforcedVersion'>;
};

/** Serves health, metrics, flows and evidence over HTTP, on all of the node's addresses, until the signal aborts. */
export async function serveStatus(port: number, sources: StatusSources, signal: AbortSignal): Promise<void> {
  const { datapath, endpoints, flows, reconciler, registry, services, state, configuration } = sources;
  const agent = randomUUID();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<unknown> => {
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
        return json(evidenceOf(datapath, services, url.searchParams.get('service')));
      case '/settings':
        return json(configuration.settings);
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
          // In the maps is what was read as `enforced`: where that is behind, they are about to be written, or cannot be.
          policyRevision: { read: state.rulesVersion, enforced: reconciler.enforcedVersion },
          policies: state.policies().map(({ policy, problems }) => ({ ...policy, problems })),
        });
      case '/flows.json':
        return json({ flows: flows.last(Number(url.searchParams.get('last') ?? 100)) });
      case '/flows': {
        const lostEvents = () => perCpuSum(datapath.lost, 0);
        return streamFlows(response, readFlowParameters(url.searchParams), { flows, agent, lostEvents });
      }
      case '/trace':
        return json(tracePolicy(readTraceQuery(url.searchParams), sources));
      default:
        return response.writeHead(404).end('no such page\n');
    }
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: Error) => refuse(response, error));
  });
  signal.addEventListener('abort', () => server.close(), { once: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, resolve);
  });
}

/** What is asked wrongly is the asker's; the rest is ours, and no reason to end. */
function refuse(response: ServerResponse, error: Error): void {
  const isAskers = error instanceof LabError && error.exitCode === 2;
  if (!isAskers) log('error', 'a request could not be answered', { error: error.stack });
  if (response.headersSent) return void response.destroy();
  response.writeHead(isAskers ? 400 : 500).end(`${error.message}\n`);
}
