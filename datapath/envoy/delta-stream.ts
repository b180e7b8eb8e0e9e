import { type ResourceKind, resourceKinds, resourceTypes, typeUrl } from './resource.ts';
import type { Snapshot } from './snapshot.ts';

/** `envoy.service.discovery.v3.DeltaDiscoveryRequest`, as far as it is read. */
export type DeltaRequest = {
  node?: { id: string };
  typeUrl: string;
  resourceNamesSubscribe: string[];
  resourceNamesUnsubscribe: string[];
  initialResourceVersions: Record<string, string>;
  responseNonce: string;
  errorDetail?: { code: number; message: string };
};

/** `envoy.service.discovery.v3.DeltaDiscoveryResponse`. */
export type DeltaResponse = {
  typeUrl: string;
  nonce: string;
  resources: { name: string; version: string; resource: { typeUrl: string; value: Uint8Array } }[];
  removedResources: string[];
};

/** What Envoy has said of one kind of resource on this stream. */
type Subscription = {
  wildcard: boolean;
  names: Set<string>;
  /** Versions that Envoy was told, by name; {@link absent} where it was told that there is none. */
  told: Map<string, string>;
  /** Versions that it has acknowledged. */
  acknowledged: Map<string, string>;
  inFlight: { nonce: string; versions: Map<string, string> } | null;
  /** What it refused last, in its own words. */
  rejected: { message: string; versions: Map<string, string> } | null;
  answered: boolean;
};

const absent = '';

/**
 * The server's half of one incremental xDS stream (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol):
 * at most one unanswered response of each kind; clusters and their endpoints are acknowledged before listeners and
 * routes that use them are sent, and what is gone is taken away after those that used it. A load assignment has the
 * name of its cluster.
 */
export class DeltaStream {
  readonly #send: (response: DeltaResponse) => void;
  readonly #subscriptions = new Map<ResourceKind, Subscription>();
  #snapshot: Snapshot | null = null;
  #nonce = 0;

  constructor(send: (response: DeltaResponse) => void) {
    this.#send = send;
  }

  setSnapshot(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#advance();
  }

  receive(kind: ResourceKind, request: DeltaRequest): void {
    const subscription = this.#subscribe(kind, request);
    const { inFlight } = subscription;
    if (inFlight !== null && request.responseNonce === inFlight.nonce) {
      subscription.inFlight = null;
      if (request.errorDetail === undefined) {
        for (const [name, version] of inFlight.versions) {
          if (version === absent) subscription.acknowledged.delete(name);
          else subscription.acknowledged.set(name, version);
        }
        subscription.rejected = null;
      } else {
        subscription.rejected = { message: request.errorDetail.message, versions: inFlight.versions };
      }
    }
    this.#advance();
  }

  /** Whether Envoy listens to this resource on this stream. */
  wants(kind: ResourceKind, name: string): boolean {
    const subscription = this.#subscriptions.get(kind);
    return subscription !== undefined && (subscription.wildcard || subscription.names.has(name));
  }

  acknowledged(kind: ResourceKind): ReadonlyMap<string, string> {
    return this.#subscriptions.get(kind)?.acknowledged ?? new Map();
  }

  /** Envoy's words for what it refused and still is in the snapshot; null when there is nothing. */
  rejection(): string | null {
    for (const [kind, { rejected }] of this.#subscriptions) {
      if (rejected === null) continue;
      const current = [...rejected.versions].some(([name, version]) => this.#wanted(kind, name) === version);
      if (current) return rejected.message;
    }
    return null;
  }

  /** Whether something was sent that Envoy has not answered, or is about to be sent. */
  isPending(): boolean {
    return [...this.#subscriptions.keys()].some((kind) => !this.#isSettled(kind));
  }

  #subscribe(kind: ResourceKind, request: DeltaRequest): Subscription {
    let subscription = this.#subscriptions.get(kind);
    if (subscription === undefined) {
      const explicit = request.resourceNamesSubscribe.filter((name) => name !== '*');
      const known = Object.entries(request.initialResourceVersions);
      subscription = {
        wildcard: explicit.length === request.resourceNamesSubscribe.length ? explicit.length === 0 : true,
        names: new Set(explicit),
        told: new Map(known),
        acknowledged: new Map(known),
        inFlight: null,
        rejected: null,
        answered: false,
      };
      this.#subscriptions.set(kind, subscription);
      return subscription;
    }
    for (const name of request.resourceNamesSubscribe) {
      if (name === '*') subscription.wildcard = true;
      else subscription.names.add(name);
      // Asking again is asking to be sent again: a cluster that is warming does so for its endpoints.
      subscription.told.delete(name);
    }
    for (const name of request.resourceNamesUnsubscribe) {
      if (name === '*') subscription.wildcard = false;
      subscription.names.delete(name);
      subscription.told.delete(name);
      subscription.acknowledged.delete(name);
    }
    return subscription;
  }

  #advance(): void {
    if (this.#snapshot === null) return;
    for (const kind of resourceKinds) {
      const subscription = this.#subscriptions.get(kind);
      if (subscription === undefined || subscription.inFlight !== null || !this.#mayAdd(kind)) continue;
      const changes = this.#additions(kind);
      if (this.#mayRemove(kind)) for (const name of this.#removals(kind)) changes.set(name, absent);
      if (changes.size === 0 && subscription.answered) continue;
      // Even nothing is an answer: Envoy's start waits for the first one.
      this.#respond(kind, subscription, changes);
    }
  }

  #mayAdd(kind: ResourceKind): boolean {
    if (kind !== 'listener' && kind !== 'route') return true;
    return this.#isMade('cluster') && this.#isMade('endpoint');
  }

  #mayRemove(kind: ResourceKind): boolean {
    if (kind !== 'cluster' && kind !== 'endpoint') return true;
    return this.#isSettled('listener') && this.#isSettled('route');
  }

  /** Whether Envoy has answered for all that is to be added; a refusal is an answer too. */
  #isMade(kind: ResourceKind): boolean {
    const subscription = this.#subscriptions.get(kind);
    const complete =
      kind !== 'endpoint' ||
      this.#subscriptions.get('cluster')?.rejected != null ||
      [...(this.#snapshot?.endpoint.keys() ?? [])].every((name) => this.wants('endpoint', name));
    if (subscription === undefined) return complete;
    return complete && subscription.inFlight === null && this.#additions(kind).size === 0;
  }

  #isSettled(kind: ResourceKind): boolean {
    const subscription = this.#subscriptions.get(kind);
    if (subscription === undefined) return true;
    return subscription.inFlight === null && this.#additions(kind).size === 0 && this.#removals(kind).length === 0;
  }

  /** The version that Envoy is to have; {@link absent} where it asks for what there is not. */
  #wanted(kind: ResourceKind, name: string): string {
    return this.#snapshot?.[kind].get(name)?.version ?? absent;
  }

  #additions(kind: ResourceKind): Map<string, string> {
    const subscription = this.#subscriptions.get(kind);
    if (subscription === undefined) return new Map();
    const names = new Set(subscription.names);
    if (subscription.wildcard) for (const name of this.#snapshot?.[kind].keys() ?? []) names.add(name);
    return new Map(
      [...names]
        .map((name): [string, string] => [name, this.#wanted(kind, name)])
        .filter(([name, version]) => {
          const told = subscription.told.get(name);
          return told !== version && (version !== absent || told === undefined);
        }),
    );
  }

  #removals(kind: ResourceKind): string[] {
    const told = this.#subscriptions.get(kind)?.told ?? new Map<string, string>();
    return [...told.keys()].filter((name) => told.get(name) !== absent && this.#wanted(kind, name) === absent);
  }

  #respond(kind: ResourceKind, subscription: Subscription, changes: Map<string, string>): void {
    const nonce = String(++this.#nonce);
    const url = typeUrl(resourceTypes[kind].message);
    subscription.inFlight = { nonce, versions: changes };
    subscription.answered = true;
    if (kind === 'cluster') this.#resendEndpoints([...changes.keys()]);
    for (const [name, version] of changes) {
      if (version === absent && subscription.wildcard) subscription.told.delete(name);
      else subscription.told.set(name, version);
    }
    this.#send({
      typeUrl: url,
      nonce,
      resources: [...changes]
        .filter(([, version]) => version !== absent)
        .map(([name, version]) => ({
          name,
          version,
          resource: { typeUrl: url, value: this.#snapshot?.[kind].get(name)?.bytes ?? new Uint8Array() },
        })),
      removedResources: [...changes].filter(([, version]) => version === absent).map(([name]) => name),
    });
  }

  // A changed cluster warms until it gets endpoints, and does not ask again for those that it already listens to.
  #resendEndpoints(clusters: readonly string[]): void {
    for (const name of clusters) this.#subscriptions.get('endpoint')?.told.delete(name);
  }
}
