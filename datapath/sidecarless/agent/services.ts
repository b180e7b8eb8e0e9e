import type { V1EndpointSlice, V1Service } from '@kubernetes/client-node';
import type { MapEntry } from '../bpf/map.ts';
import { formatAddress } from '../flow/address.ts';
import type { Mirror } from './mirror.ts';
import { Numbering } from './numbering.ts';
import { backendKey, backendRecord, type Frontend, serviceKey, serviceRecord } from './records.ts';

/** A backend of a service's port; `id` is its number in the map. */
type Backend = Frontend & { id: number; isTerminating: boolean };

/** A port of a service by one of its addresses, with the backends that new connections may get, and all that it has. */
type Port = Frontend & { id: number; affinitySeconds: number; chosen: Backend[]; all: Backend[] };

/** Whose address and port something is. */
export type ServiceName = { namespace: string; name: string };

const protocols: Readonly<Record<string, number>> = { TCP: 6, UDP: 17, SCTP: 132 };
const defaultAffinitySeconds = 10_800;

/** Services and their backends in the maps: each service is written by itself, and only what has changed of it. */
export class ServiceTable {
  readonly #services: Mirror;
  readonly #backends: Mirror;
  readonly #node: string;
  readonly #serviceIds = new Numbering(1);
  readonly #backendIds = new Numbering(1);
  readonly #ports = new Map<string, Port[]>();
  readonly #users = new Map<number, Set<string>>();
  readonly #names = new Map<string, ServiceName>();
  readonly #gone: (backend: Frontend) => void;

  /** Numbers that an earlier agent gave stay. `gone` is told of backends that no service has any more. */
  constructor(services: Mirror, backends: Mirror, node: string, gone: (backend: Frontend) => void) {
    this.#services = services;
    this.#backends = backends;
    this.#node = node;
    this.#gone = gone;
    for (const { key, value } of services.entries()) {
      if (slotOf(key) === 0) this.#serviceIds.restore(nameOf(key), uint32At(value, 0));
    }
    for (const { key, value } of backends.entries()) this.#backendIds.restore(nameOf(value), uint32At(key, 0));
  }

  /** Writes a service as it is now; null removes it. */
  set(name: ServiceName, service: V1Service | null, slices: readonly V1EndpointSlice[]): void {
    const key = `${name.namespace}/${name.name}`;
    const before = this.#ports.get(key) ?? [];
    const after = service === null ? [] : this.#portsOf(service, slices);
    // A backend is there before a slot names it, and a slot before the frontend counts it.
    this.#backends.put(after.flatMap(({ all }) => all.map(backendEntry)));
    this.#services.put(after.flatMap(slotEntries));
    this.#services.put(after.map(frontendEntry));
    const kept = new Set(after.flatMap((port) => [frontendEntry(port), ...slotEntries(port)]).map(entryText));
    const stale = before.flatMap((port) => [frontendEntry(port), ...slotEntries(port)]);
    this.#services.remove(stale.filter((entry) => !kept.has(entryText(entry))).map((entry) => entry.key));
    for (const { address, port, protocol } of before) this.#names.delete(frontendText({ address, port, protocol }));
    for (const frontend of after) this.#names.set(frontendText(frontend), name);
    this.#ports.set(key, after);
    if (after.length === 0) this.#ports.delete(key);
    this.#release(key, before, after);
  }

  /** Forgets what an earlier agent wrote of services that are gone. To be called when all that are there have been set. */
  settle(): void {
    const ports = [...this.#ports.values()].flat();
    this.#services.keepOnly(ports.flatMap((port) => [frontendEntry(port), ...slotEntries(port)]).map(({ key }) => key));
    this.#backends.keepOnly(ports.flatMap(({ all }) => all.map(({ id }) => backendKey(id))));
  }

  nameOf(address: string, port: number): ServiceName | null {
    for (const protocol of Object.values(protocols)) {
      const name = this.#names.get(frontendText({ address, port, protocol }));
      if (name !== undefined) return name;
    }
    return null;
  }

  /** The numbers by which the kernel counts connections, of each port of each service: `namespace/name:port`. */
  numbered(): { key: string; ids: number[] }[] {
    return [...this.#ports].flatMap(([service, ports]) =>
      [...new Set(ports.map(({ port }) => port))].map((number) => ({
        key: `${service}:${number}`,
        ids: ports.filter(({ port }) => port === number).map(({ id }) => id),
      })),
    );
  }

  /** How many backends new connections to each port may get. */
  chosen(): Record<string, number> {
    return Object.fromEntries(
      [...this.#ports].flatMap(([service, ports]) =>
        ports.map(({ port, chosen }) => [`${service}:${port}`, chosen.length]),
      ),
    );
  }

  get size(): number {
    return this.#ports.size;
  }

  #portsOf(service: V1Service, slices: readonly V1EndpointSlice[]): Port[] {
    const { spec } = service;
    const addresses = [...(spec?.clusterIPs ?? []), ...(spec?.externalIPs ?? [])].filter(
      (ip) => ip !== 'None' && ip !== '',
    );
    const affinitySeconds =
      spec?.sessionAffinity === 'ClientIP'
        ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds)
        : 0;
    return addresses.flatMap((address) =>
      (spec?.ports ?? []).map(({ port, protocol = 'TCP', name }) => {
        const frontend = { address, port, protocol: protocols[protocol] ?? 0 };
        const family = address.includes(':') ? 'IPv6' : 'IPv4';
        const local = spec?.internalTrafficPolicy === 'Local';
        const all = slices
          .filter(({ addressType }) => addressType === family)
          .flatMap((slice) => this.#backendsOf(slice, name ?? '', frontend.protocol, local));
        const ready = all.filter(({ isReady }) => isReady);
        // Pods that terminate and still serve are better than none.
        const chosen = ready.length > 0 ? ready : all.filter(({ isServing }) => isServing);
        return { ...frontend, id: this.#serviceIds.of(frontendText(frontend)), affinitySeconds, chosen, all };
      }),
    );
  }

  #backendsOf(slice: V1EndpointSlice, portName: string, protocol: number, local: boolean) {
    const port = slice.ports?.find(
      (one) => (one.name ?? '') === portName && protocols[one.protocol ?? 'TCP'] === protocol,
    )?.port;
    if (port === undefined) return [];
    return (slice.endpoints ?? [])
      .filter(({ nodeName }) => !local || nodeName === this.#node)
      .flatMap(({ addresses, conditions }) => {
        const isTerminating = conditions?.terminating ?? false;
        const isReady = (conditions?.ready ?? true) && !isTerminating;
        const isServing = conditions?.serving ?? conditions?.ready ?? true;
        if (!isReady && !isServing && !isTerminating) return [];
        return addresses.map((address) => {
          const backend = { address, port, protocol };
          return { ...backend, id: this.#backendIds.of(frontendText(backend)), isTerminating, isReady, isServing };
        });
      });
  }

  /** Removes backends that nobody has any more. */
  #release(service: string, before: readonly Port[], after: readonly Port[]): void {
    for (const { id } of after.flatMap(({ all }) => all)) {
      this.#users.set(id, (this.#users.get(id) ?? new Set()).add(service));
    }
    const kept = new Set(after.flatMap(({ all }) => all.map(({ id }) => id)));
    for (const backend of before.flatMap(({ all }) => all)) {
      const users = this.#users.get(backend.id);
      if (kept.has(backend.id) || users === undefined || !users.delete(service) || users.size > 0) continue;
      this.#users.delete(backend.id);
      this.#backends.remove([backendKey(backend.id)]);
      this.#backendIds.forget(frontendText(backend));
      this.#gone(backend);
    }
  }
}

function frontendEntry(port: Port): MapEntry {
  return { key: serviceKey(port, 0), value: serviceRecord(port.id, port.chosen.length, port.affinitySeconds) };
}

function slotEntries(port: Port): MapEntry[] {
  return port.chosen.map(({ id }, index) => ({ key: serviceKey(port, index + 1), value: serviceRecord(id, 0, 0) }));
}

function backendEntry(backend: Backend): MapEntry {
  return { key: backendKey(backend.id), value: backendRecord(backend, backend.isTerminating) };
}

function entryText({ key }: MapEntry): string {
  return Buffer.from(key).toString('latin1');
}

function frontendText({ address, port, protocol }: Frontend): string {
  return `${address} ${port} ${protocol}`;
}

/** The same of a record that begins with address, port and protocol. */
function nameOf(record: Uint8Array): string {
  const view = new DataView(record.buffer, record.byteOffset);
  return frontendText({ address: formatAddress(record), port: view.getUint16(16), protocol: record[18] ?? 0 });
}

function slotOf(key: Uint8Array): number {
  return uint32At(key, 20);
}

function uint32At(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true);
}
