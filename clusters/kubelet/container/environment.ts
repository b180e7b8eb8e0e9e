import type { V1ConfigMap, V1Container, V1EnvVarSource, V1Pod, V1Secret, V1Service } from '@kubernetes/client-node';
import { LabError } from '../../error.ts';
import { fieldValue, type PodFacts, resourceValue } from '../pod/downward.ts';
import { expand } from './expansion.ts';
import { serviceVariables } from './service-variables.ts';

/** Where variables come from that the pod only refers to. Objects of the pod's namespace, null where there are none. */
export type EnvironmentSources = {
  configMap(name: string): Promise<V1ConfigMap | null>;
  secret(name: string): Promise<V1Secret | null>;
  /** All services of the cluster. */
  services(): readonly V1Service[];
};

/**
 * The variables that a pod gives to a container, in kubelet's order of precedence: services, envFrom, env, each of
 * which may refer to those before it.
 * @throws LabError LAB_CONTAINER_CONFIG naming the reference that leads nowhere.
 */
export async function containerEnvironment(
  pod: V1Pod,
  container: V1Container,
  facts: PodFacts,
  sources: EnvironmentSources,
): Promise<Record<string, string>> {
  const links = pod.spec?.enableServiceLinks ?? true;
  const variables = serviceVariables(sources.services(), pod.metadata?.namespace ?? '', links);
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const data =
      configMapRef !== undefined
        ? await configMapData(sources, configMapRef)
        : secretRef !== undefined
          ? await secretData(sources, secretRef)
          : {};
    for (const [key, value] of Object.entries(data ?? {})) variables[prefix + key] = value;
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (valueFrom === undefined) {
      variables[name] = expand(value ?? '', variables);
      continue;
    }
    const found = await referredValue(pod, container, valueFrom, facts, sources);
    if (found !== null) variables[name] = found;
  }
  return variables;
}

async function referredValue(
  pod: V1Pod,
  container: V1Container,
  { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef }: V1EnvVarSource,
  facts: PodFacts,
  sources: EnvironmentSources,
): Promise<string | null> {
  if (fieldRef !== undefined) return fieldValue(pod, fieldRef.fieldPath, facts);
  if (resourceFieldRef !== undefined) {
    const { initContainers = [], containers = [] } = pod.spec ?? {};
    const named = [...containers, ...initContainers].find(({ name }) => name === resourceFieldRef.containerName);
    return resourceValue(named ?? container, resourceFieldRef);
  }
  const reference = configMapKeyRef ?? secretKeyRef;
  if (reference === undefined) throw configError('a variable without a value that this cluster knows');
  const data =
    configMapKeyRef !== undefined ? await configMapData(sources, reference) : await secretData(sources, reference);
  if (data === null) return null;
  const value = data[reference.key];
  if (value !== undefined) return value;
  if (reference.optional) return null;
  const kind = configMapKeyRef !== undefined ? 'ConfigMap' : 'Secret';
  throw configError(`couldn't find key ${reference.key} in ${kind} ${pod.metadata?.namespace}/${reference.name}`);
}

type Reference = { name?: string; optional?: boolean };

async function configMapData(
  sources: EnvironmentSources,
  { name = '', optional }: Reference,
): Promise<Record<string, string> | null> {
  const found = await sources.configMap(name);
  if (found !== null) return found.data ?? {};
  if (optional) return null;
  throw configError(`configmap "${name}" not found`);
}

async function secretData(
  sources: EnvironmentSources,
  { name = '', optional }: Reference,
): Promise<Record<string, string> | null> {
  const found = await sources.secret(name);
  if (found !== null) {
    const decode = ([key, value]: [string, string]): [string, string] => [key, Buffer.from(value, 'base64').toString()];
    return Object.fromEntries(Object.entries(found.data ?? {}).map(decode));
  }
  if (optional) return null;
  throw configError(`secret "${name}" not found`);
}

function configError(message: string): LabError {
  return new LabError('LAB_CONTAINER_CONFIG', { message });
}
