import { contentVersion, type EnvoyApi, type EnvoyJson } from './api.ts';
import { type ResourceKind, resourceKinds, resourceTypes } from './resource.ts';

/** Everything that one proxy is to have, as JSON. A kind that is left out has no resources. */
export type ProxyConfiguration = Partial<Record<ResourceKind, readonly EnvoyJson[]>>;

/** An encoded resource; its version changes with its content and with nothing else. */
export type VersionedResource = { readonly version: string; readonly bytes: Uint8Array };

/** A proxy's resources by kind and name. */
export type Snapshot = Readonly<Record<ResourceKind, ReadonlyMap<string, VersionedResource>>>;

/**
 * Encodes a proxy's configuration.
 * @throws Error naming the resource and the field that Envoy's API does not have.
 */
export function encodeSnapshot(api: EnvoyApi, configuration: ProxyConfiguration): Snapshot {
  return Object.fromEntries(
    resourceKinds.map((kind) => [
      kind,
      new Map((configuration[kind] ?? []).map((json) => [nameOf(kind, json), encodeResource(api, kind, json)])),
    ]),
  ) as unknown as Snapshot;
}

function nameOf(kind: ResourceKind, json: EnvoyJson): string {
  const name = json[resourceTypes[kind].nameField];
  if (typeof name === 'string' && name !== '') return name;
  throw new Error(`a ${kind} has no ${resourceTypes[kind].nameField}`);
}

function encodeResource(api: EnvoyApi, kind: ResourceKind, json: EnvoyJson): VersionedResource {
  try {
    const bytes = api.encode(resourceTypes[kind].message, json);
    return { version: contentVersion(bytes), bytes };
  } catch (error) {
    throw new Error(`${kind} ${nameOf(kind, json)}: ${(error as Error).message}`, { cause: error });
  }
}
