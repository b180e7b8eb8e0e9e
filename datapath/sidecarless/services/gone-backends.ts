import { setTimeout as delay } from 'node:timers/promises';
import { localOf, remoteOf, translationOf } from '../abi/connection.ts';
import { protocols } from '../abi/protocols.ts';
import type { Frontend } from '../abi/service.ts';
import { log } from '../agent/log.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { Datapath } from '../maps/datapath.ts';
import { closeSockets, listSockets } from './close.ts';

/** Backends of a service often go together: those of so many milliseconds are looked for at once. */
const gatherMs = 50;

const protocolNames: Readonly<Record<number, 'tcp' | 'udp'>> = { [protocols.TCP]: 'tcp', [protocols.UDP]: 'udp' };

export type GoneBackendsOptions = {
  datapath: Pick<Datapath, 'connections' | 'translated'>;
  endpoints: ReadonlyMap<string, Endpoint>;
  /** Resolves when the pods of the node are among these. */
  adopted: Promise<void>;
  signal: AbortSignal;
  /** Told of sockets that have been closed. */
  onClosed: (sockets: number) => void;
};

/** Path of the network namespace of the node, which the agent is in. */
const nodeNetns = '/proc/self/ns/net';

/**
 * Closes the sockets that services had connected to backends that are gone: nobody would answer them, and their pods
 * would wait for as long as TCP does. Sockets that were connected to the backend itself, by its own address, stay.
 * @returns takes a backend that is gone.
 */
export function goneBackends(options: GoneBackendsOptions): (backend: Frontend) => void {
  let gathered = new Map<string, Frontend>();
  const close = async (): Promise<void> => {
    await options.adopted;
    await delay(gatherMs, undefined, { signal: options.signal });
    const gone = gathered;
    gathered = new Map();
    await closeAll(gone, options);
  };
  return (backend) => {
    gathered.set(textOf(backend), backend);
    if (gathered.size > 1) return;
    close().catch((error: Error) => {
      if (!options.signal.aborted)
        log('error', 'sockets of a backend that is gone stay open', { error: error.message });
    });
  };
}

async function closeAll(gone: ReadonlyMap<string, Frontend>, options: GoneBackendsOptions): Promise<void> {
  const { datapath, endpoints, signal, onClosed } = options;
  const cookies = translatedSockets(datapath, gone);
  if (cookies.size === 0) return;
  const clients = clientsOf(datapath, gone);
  const pods = [...endpoints.values()].filter(({ link }) => link.addresses.some((address) => clients.has(address)));
  for (const netns of [nodeNetns, ...pods.map(({ link }) => link.netns)]) {
    // A pod that goes meanwhile takes its sockets with it.
    await closeIn(netns).catch((error: Error) => log('warning', 'sockets stay open', { netns, error: error.message }));
  }
  async function closeIn(netns: string): Promise<void> {
    for (const [text, { address, port, protocol }] of gone) {
      const name = protocolNames[protocol];
      const own = cookies.get(text);
      if (name === undefined || own === undefined) continue;
      const peer = { netns, protocol: name, address, port, signal };
      for (const { cookie, localPort } of await listSockets(peer)) {
        if (own.has(cookie)) onClosed(await closeSockets({ ...peer, localPort }));
      }
    }
  }
}

/** By backend, the cookies of the sockets that a service has connected to it. */
function translatedSockets(
  { translated }: GoneBackendsOptions['datapath'],
  gone: ReadonlyMap<string, Frontend>,
): Map<string, Set<bigint>> {
  const cookies = new Map<string, Set<bigint>>();
  translated.scan((key) => {
    const { cookie, backend } = translationOf(key);
    const text = textOf(backend);
    if (gone.has(text)) cookies.set(text, (cookies.get(text) ?? new Set()).add(cookie));
  });
  return cookies;
}

/** Addresses of local pods that have talked with one of these backends. */
function clientsOf({ connections }: GoneBackendsOptions['datapath'], gone: ReadonlyMap<string, Frontend>): Set<string> {
  const clients = new Set<string>();
  connections.scan((key) => {
    if (gone.has(textOf(remoteOf(key)))) clients.add(localOf(key));
  });
  return clients;
}

function textOf({ address, port, protocol }: Frontend): string {
  return `${address} ${port} ${protocol}`;
}
