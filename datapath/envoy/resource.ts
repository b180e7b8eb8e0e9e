/** The kinds of resources that are served, in the order in which Envoy must have them (make before break). */
export const resourceKinds = ['cluster', 'endpoint', 'listener', 'route', 'secret'] as const;
export type ResourceKind = (typeof resourceKinds)[number];

/** Message of each kind, and the JSON field that names a resource. */
export const resourceTypes = {
  cluster: { message: 'envoy.config.cluster.v3.Cluster', nameField: 'name' },
  endpoint: { message: 'envoy.config.endpoint.v3.ClusterLoadAssignment', nameField: 'cluster_name' },
  listener: { message: 'envoy.config.listener.v3.Listener', nameField: 'name' },
  route: { message: 'envoy.config.route.v3.RouteConfiguration', nameField: 'name' },
  secret: { message: 'envoy.extensions.transport_sockets.tls.v3.Secret', nameField: 'name' },
} as const satisfies Record<ResourceKind, { message: string; nameField: string }>;

const prefix = 'type.googleapis.com/';

/** What an `Any` of this message calls itself. */
export function typeUrl(message: string): string {
  return prefix + message;
}

/** The kind that a request's type URL asks for, null for one that is not served. */
export function kindOf(url: string): ResourceKind | null {
  return resourceKinds.find((kind) => typeUrl(resourceTypes[kind].message) === url) ?? null;
}
