import type {
  V1ConfigMap,
  V1DownwardAPIVolumeFile,
  V1KeyToPath,
  V1Pod,
  V1Secret,
  V1ServiceAccountTokenProjection,
  V1Volume,
  V1VolumeProjection,
} from '@kubernetes/client-node';
import { LabError } from '../../error.ts';
import { fieldValue, type PodFacts, resourceValue } from '../pod/downward.ts';
import type { Payload, VolumeFile } from './atomic-directory.ts';

/** Where a volume's content comes from; objects are of the pod's namespace. */
export type PayloadSources = {
  configMap(name: string): Promise<V1ConfigMap | null>;
  secret(name: string): Promise<V1Secret | null>;
  token(projection: V1ServiceAccountTokenProjection): Promise<string>;
  facts: PodFacts;
};

const defaultMode = 0o644;

/**
 * The files of a configMap, secret, downwardAPI or projected volume.
 * @throws LabError LAB_VOLUME_FAILED naming the object or key that is missing and not optional.
 */
export async function volumePayload(pod: V1Pod, volume: V1Volume, sources: PayloadSources): Promise<Payload> {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (projected !== undefined) {
    const payload = new Map<string, VolumeFile>();
    for (const source of projected.sources ?? []) {
      const part = await projectionPayload(pod, source, projected.defaultMode ?? defaultMode, sources);
      for (const [path, file] of part) payload.set(path, file);
    }
    return owned(pod, payload);
  }
  const mode = configMap?.defaultMode ?? secret?.defaultMode ?? downwardAPI?.defaultMode ?? defaultMode;
  const projection: V1VolumeProjection = {
    ...(configMap === undefined ? {} : { configMap }),
    ...(downwardAPI === undefined ? {} : { downwardAPI }),
    ...(secret === undefined
      ? {}
      : {
          secret: {
            ...(secret.secretName === undefined ? {} : { name: secret.secretName }),
            ...(secret.items === undefined ? {} : { items: secret.items }),
            ...(secret.optional === undefined ? {} : { optional: secret.optional }),
          },
        }),
  };
  return owned(pod, await projectionPayload(pod, projection, mode, sources));
}

/** Whether a volume has such files, which are written here and kept up to date: no container can write there. */
export function isWritten(volume: V1Volume): boolean {
  return (['configMap', 'secret', 'downwardAPI', 'projected'] as const).some((kind) => volume[kind] !== undefined);
}

async function projectionPayload(
  pod: V1Pod,
  { configMap, secret, downwardAPI, serviceAccountToken }: V1VolumeProjection,
  mode: number,
  sources: PayloadSources,
): Promise<Payload> {
  if (configMap !== undefined) {
    const found = await sources.configMap(configMap.name ?? '');
    if (found === null && !configMap.optional) throw volumeError(`configmap "${configMap.name}" not found`);
    const text = Object.entries(found?.data ?? {}).map(([key, value]) => [key, Buffer.from(value)] as const);
    return keyFiles([...text, ...decoded(found?.binaryData)], configMap, mode, 'configmap');
  }
  if (secret !== undefined) {
    const found = await sources.secret(secret.name ?? '');
    if (found === null && !secret.optional) throw volumeError(`secret "${secret.name}" not found`);
    return keyFiles(decoded(found?.data), secret, mode, 'secret');
  }
  if (downwardAPI !== undefined) {
    return new Map((downwardAPI.items ?? []).map((item) => downwardFile(pod, item, mode, sources.facts)));
  }
  if (serviceAccountToken !== undefined) {
    const token = await sources.token(serviceAccountToken);
    return new Map([[serviceAccountToken.path, tokenFile(pod, token)]]);
  }
  throw volumeError('a projected volume has a source that the embedded cluster does not support');
}

function keyFiles(
  entries: readonly (readonly [string, Uint8Array])[],
  { name, items, optional }: { name?: string; items?: V1KeyToPath[]; optional?: boolean },
  mode: number,
  kind: string,
): Payload {
  const data = new Map(entries);
  if (items === undefined || items.length === 0)
    return new Map([...data].map(([key, value]) => [key, file(value, mode)]));
  const files = new Map<string, VolumeFile>();
  for (const { key, path, mode: own } of items) {
    const value = data.get(key);
    if (value !== undefined) files.set(path, file(value, own ?? mode));
    else if (!optional) throw volumeError(`${kind} "${name}" references non-existent config key: ${key}`);
  }
  return files;
}

function downwardFile(
  pod: V1Pod,
  { path, fieldRef, resourceFieldRef, mode: own }: V1DownwardAPIVolumeFile,
  mode: number,
  facts: PodFacts,
): [string, VolumeFile] {
  const { initContainers = [], containers = [] } = pod.spec ?? {};
  const container = [...containers, ...initContainers].find(({ name }) => name === resourceFieldRef?.containerName);
  const text =
    resourceFieldRef !== undefined && container !== undefined
      ? resourceValue(container, resourceFieldRef)
      : fieldValue(pod, fieldRef?.fieldPath ?? '', facts);
  return [path, file(Buffer.from(text), own ?? mode)];
}

/** A token is its owner's alone where all containers run as one user; else everybody in the pod may read it. */
function tokenFile(pod: V1Pod, token: string): VolumeFile {
  const { containers = [], initContainers = [], securityContext } = pod.spec ?? {};
  const users = [...initContainers, ...containers].map(
    (container) => container.securityContext?.runAsUser ?? securityContext?.runAsUser ?? null,
  );
  const [user] = users;
  const data = Buffer.from(token);
  if (user !== undefined && user !== null && users.every((other) => other === user)) {
    return { data, mode: 0o600, uid: user, gid: null };
  }
  return { data, mode: securityContext?.fsGroup === undefined ? 0o644 : 0o600, uid: null, gid: null };
}

/** Gives the files to the pod's group: readable for it, as kubelet does. */
function owned(pod: V1Pod, payload: Payload): Payload {
  const group = pod.spec?.securityContext?.fsGroup;
  if (group === undefined) return payload;
  return new Map([...payload].map(([path, entry]) => [path, { ...entry, gid: group, mode: entry.mode | 0o440 }]));
}

function decoded(data: Record<string, string> = {}): [string, Uint8Array][] {
  return Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64')]);
}

function file(data: Uint8Array, mode: number): VolumeFile {
  return { data, mode, uid: null, gid: null };
}

function volumeError(message: string): LabError {
  return new LabError('LAB_VOLUME_FAILED', { message });
}
