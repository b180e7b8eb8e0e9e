import type { IncomingMessage, ServerResponse } from 'node:http';
import type { XdsServer } from '../xds-server.ts';
import type { MeshWatch } from './mesh-watch.ts';
import { meshConfigMap } from './places.ts';

export type StatusEndpointOptions = {
  xds: Pick<XdsServer, 'proxies'>;
  watch: MeshWatch;
  /** The address that must be published before anyone can find the control plane. */
  address: string;
  /** Answers `POST /accepted`; `gone` aborts when nobody waits for it any more. */
  accepted(body: unknown, gone: AbortSignal): Promise<object>;
};

/** Handles the control plane's status port: `/healthz`, `/status` (who runs what), and `/accepted`, which waits. */
export function statusEndpoint({
  xds,
  watch,
  address,
  accepted,
}: StatusEndpointOptions): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const send = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(`${JSON.stringify(body)}\n`);
    };
    const published = watch.configMap(meshConfigMap.name)?.data?.[meshConfigMap.control] === address;
    const ready = watch.mesh() !== null && (published || watch.namespace() === undefined);
    if (request.url === '/healthz') return send(ready ? 200 : 503, { ready });
    if (request.url === '/status') return send(200, { policyError: watch.policyError(), proxies: xds.proxies() });
    if (request.url !== '/accepted' || request.method !== 'POST') return send(404, { message: 'not found' });
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    try {
      const body: unknown = JSON.parse(Buffer.concat(await request.toArray()).toString());
      send(200, await accepted(body, gone.signal));
    } catch (error) {
      if (!gone.signal.aborted) send(400, { message: (error as Error).message });
    }
  };
}
