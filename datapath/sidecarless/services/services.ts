import type { V1EndpointSlice, V1Service } from '@kubernetes/client-node';
import { portProtocols, protocols } from '../abi/protocols.ts';
import { uint32, uint32At } from '../abi/record.ts';
import {
  backendRecord,
  type Frontend,
  frontendOfBackend,
  frontendOfKey,
  serviceIdOf,
  serviceKey,
  serviceRecord,
  slotKey,
  slotOf,
} from '../abi/service.ts';
import type { NodeFacts } from '../cluster/node-facts.ts';
import type { PodFacts } from '../cluster/pod-facts.ts';
import type { MapEntry } from '../libbpf/map.ts';
import type { Mirror } from '../maps/mirror.ts';
import { Numbering } from './numbering.ts';
import { type Candidate, hostPorts, type ServicePort, servicePorts } from './service-ports.ts';

/** A backend of a service's port; `id` is its number in the map. */
type Backend = Candidate & { id: number };

/** A port as it is in the maps. */
type Port = Frontend & { id: number; affinitySeconds: number; chosen: readonly Backend[]; all: readonly Backend[] };

/** Whose address and port something is. */
export type ServiceName = { namespace: string; name: string };

/** A service whose ports are open at nodes, as it was last set. */
type Exposed = { name: ServiceName; service: V1Service; slices: readonly V1EndpointSlice[] };

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
  readonly #exposed = new Map<string, Exposed>();
  /** By key, `pod namespace/name`: what was last written of it. */
  readonly #hostPorts = new Map<string, string>();
  #nodes: readonly NodeFacts[] = [];
  #nodesText = '[]';

  /** Numbers that an earlier agent gave stay. `gone` is told of backends that no service has any more. */
  constructor(services: Mirror, backends: Mirror, node: string, gone: (backend: Frontend) => void) {
    this.#services = services;
    this.#backends = backends;
    this.#node = node;
    this.#gone = gone;
    for (const { key, value } of services.entries()) {
      if (slotOf(key) === 0) this.#serviceIds.restore(frontendText(frontendOfKey(key)), serviceIdOf(value));
    }
    for (const { key, value } of backends.entries())
      this.#backendIds.restore(frontendText(frontendOfBackend(value)), uint32At(key));
  }

  /** Writes a service as it is now; null removes it. */
  set(name: ServiceName, service: V1Service | null, slices: readonly V1EndpointSlice[]): void {
    const key = `${name.namespace}/${name.name}`;
    if (service?.spec?.ports?.some(({ nodePort }) => nodePort !== undefined)) {
      this.#exposed.set(key, { name, service, slices });
    } else {
      this.#exposed.delete(key);
    }
    const places = { ownNode: this.#node, nodes: this.#nodes };
    this.#write(key, name, service === null ? [] : servicePorts(service, slices, places));
  }

  /** Writes the ports that services and pods have at nodes, as these are now. Cheap where nothing has changed. */
  setPlaces(nodes: readonly NodeFacts[], pods: readonly PodFacts[]): void {
    const nodesText = JSON.stringify(nodes);
    const isSame = nodesText === this.#nodesText;
    this.#nodes = nodes;
    if (!isSame) for (const { name, service, slices } of [...this.#exposed.values()]) this.set(name, service, slices);
    const open = new Map(
      pods
        .filter(({ hostPorts, addresses }) => hostPorts.length > 0 && addresses.length > 0)
        .map((pod) => [`pod ${pod.namespace}/${pod.name}`, pod]),
    );
    // First what is gone: another pod may have got its port.
    for (const key of [...this.#hostPorts.keys()].filter((key) => !open.has(key))) {
      this.#write(key, null, []);
      this.#hostPorts.delete(key);
    }
    for (const [key, pod] of open) {
      const text = JSON.stringify([pod.node, pod.addresses, pod.hostPorts]);
      if (isSame && this.#hostPorts.get(key) === text) continue;
      this.#write(key, { namespace: pod.namespace, name: pod.name }, hostPorts(pod, nodes));
      this.#hostPorts.set(key, text);
    }
    // Only now: what could not be written is tried again at the next change.
    this.#nodesText = nodesText;
  }

  #write(key: string, name: ServiceName | null, ports: readonly ServicePort[]): void {
    const before = this.#ports.get(key) ?? [];
    const after = ports.map((port) => this.#numberedPort(port));
    // A backend is there before a slot names it, and a slot before the frontend counts it.
    this.#backends.put(after.flatMap(({ all }) => all.map(backendEntry)));
    const entries = after.flatMap(portEntries);
    this.#services.put(entries);
    if (before.length > 0) {
      const kept = new Set(entries.map(entryText));
      const stale = before.flatMap(portEntries).filter((entry) => !kept.has(entryText(entry)));
      this.#services.remove(stale.map(({ key }) => key));
    }
    for (const { address, port, protocol } of before) this.#names.delete(frontendText({ address, port, protocol }));
    if (name !== null) for (const frontend of after) this.#names.set(frontendText(frontend), name);
    this.#ports.set(key, after);
    if (after.length === 0) this.#ports.delete(key);
    this.#release(key, before, after);
  }

  /**
   * Forgets what an earlier agent wrote of services, and of backends that went while there was none. To be called when all
   * that are there have been set.
   */
  settle(): void {
    const ports = [...this.#ports.values()].flat();
    this.#services.keepOnly(ports.flatMap(portEntries).map(({ key }) => key));
    const kept = new Set(ports.flatMap(({ all }) => all.map(({ id }) => id)));
    const gone = this.#backends.entries().filter(({ key }) => !kept.has(uint32At(key)));
    this.#backends.keepOnly([...kept].map(uint32));
    for (const { value } of gone) {
      const backend = frontendOfBackend(value);
      this.#backendIds.forget(frontendText(backend));
      this.#gone(backend);
    }
  }

  nameOf(address: string, port: number): ServiceName | null {
    for (const each of portProtocols) {
      const protocol = protocols[each];
      const name = this.#names.get(frontendText({ address, port, protocol }));
      if (name !== undefined) return name;
    }
    return null;
  }

  /**
   * The numbers by which the kernel counts connections, of each port of each service, or of one (`namespace/name`):
   * `namespace/name:port`.
   */
  numbered(only: string | null = null): { key: string; ids: number[] }[] {
    const asked = only === null ? [...this.#ports] : [[only, this.#ports.get(only) ?? []] as const];
    return asked.flatMap(([service, ports]) =>
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
    return [...this.#ports.keys()].filter((key) => !this.#hostPorts.has(key)).length;
  }

  #numberedPort({ all, chosen, ...port }: ServicePort): Port {
    const numbered = new Map(all.map((one) => [one, { ...one, id: this.#backendIds.of(frontendText(one)) }]));
    return {
      ...port,
      id: this.#serviceIds.of(frontendText(port)),
      all: [...numbered.values()],
      chosen: chosen.flatMap((one) => numbered.get(one) ?? []),
    };
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
      this.#backends.remove([uint32(backend.id)]);
      this.#backendIds.forget(frontendText(backend));
      this.#gone(backend);
    }
  }
}

/** The backends' slots, and then the frontend itself: entries are written in this order. */
function portEntries(port: Port): MapEntry[] {
  const frontend = serviceKey(port, 0);
  const slots = port.chosen.map(({ id }, index) => ({
    key: slotKey(frontend, index + 1),
    value: serviceRecord(id, 0, 0),
  }));
  return [...slots, { key: frontend, value: serviceRecord(port.id, port.chosen.length, port.affinitySeconds) }];
}

function backendEntry(backend: Backend): MapEntry {
  return { key: uint32(backend.id), value: backendRecord(backend, backend.isTerminating) };
}

function entryText({ key }: MapEntry): string {
  return Buffer.from(key).toString('latin1');
}

function frontendText({ address, port, protocol }: Frontend): string {
  return `${address} ${port} ${protocol}`;
}
