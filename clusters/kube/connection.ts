import { KubeConfig, type KubernetesObject } from '@kubernetes/client-node';
import { type Dispatcher, fetch } from 'undici';
import { LabError } from '../error.ts';
import { ApiError } from './api-error.ts';
import { startInformer } from './informer.ts';
import type { InformOptions, Kube, RequestOptions, WaitOptions } from './kube.ts';

/** What `connect` of `connect.ts` does: here is all that needs the library of API clients. */
export function openConnection(kubeconfig: string | null): Kube {
  const config = pooled(new KubeConfig());
  if (kubeconfig === null) config.loadFromCluster();
  else config.loadFromFile(kubeconfig);

  const request: Kube['request'] = async (method, path, options = {}) => {
    const url = new URL(config.getCurrentCluster()?.server + path);
    for (const [key, value] of Object.entries(options.query ?? {})) url.searchParams.set(key, value);
    const headers: Record<string, string> = { accept: 'application/json', ...options.headers };
    const dispatcher = await authorize(config, headers);
    const body =
      options.body === undefined || typeof options.body === 'string' ? options.body : JSON.stringify(options.body);
    if (body !== undefined && headers['content-type'] === undefined) headers['content-type'] = 'application/json';
    return fetch(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      ...(dispatcher === undefined ? {} : { dispatcher }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  };

  const json = async <T>(method: string, path: string, options: RequestOptions = {}): Promise<T> => {
    const response = await request(method, path, options);
    const text = await response.text();
    if (!response.ok) throw new ApiError(`${method} ${path}`, response.status, text);
    return JSON.parse(text) as T;
  };

  const paths = new ResourcePaths(json);

  const inform = <T extends KubernetesObject>(path: string, options: InformOptions<T>) =>
    startInformer<T>(request, path, options);

  return {
    request,
    json,
    inform,
    async apply(objects, signal) {
      for (const object of objects) {
        const path = await paths.of(object);
        const response = await request('PATCH', path, {
          query: { fieldManager: 'lab', force: 'true', fieldValidation: 'Strict' },
          headers: { 'content-type': 'application/apply-patch+yaml' },
          body: object,
          ...(signal === undefined ? {} : { signal }),
        });
        const text = await response.text();
        if (!response.ok) throw new ApiError(`apply ${nameOf(object)}`, response.status, text);
      }
    },
    async delete(objects, signal) {
      for (const object of objects) {
        const path = await paths.of(object);
        const response = await request('DELETE', path, {
          query: { propagationPolicy: 'Background' },
          ...(signal === undefined ? {} : { signal }),
        });
        const text = await response.text();
        if (!response.ok && response.status !== 404)
          throw new ApiError(`delete ${nameOf(object)}`, response.status, text);
      }
    },
    waitFor: <T extends KubernetesObject>(path: string, options: WaitOptions<T>) => waitFor(inform, path, options),
  };
}

/** `Deployment lab-none/workload`, for messages. */
function nameOf(object: KubernetesObject): string {
  const { name, namespace } = object.metadata ?? {};
  return `${object.kind ?? 'object'} ${namespace === undefined ? '' : `${namespace}/`}${name ?? '?'}`;
}

/** The library opens a connection pool for each request: one for each configuration keeps its connections alive. */
function pooled(config: KubeConfig): KubeConfig {
  type Create = (cluster: unknown, agentOptions: unknown) => Dispatcher | undefined;
  const internals = config as unknown as { createDispatcher: Create };
  const create = internals.createDispatcher.bind(config);
  let pool: Dispatcher | undefined;
  internals.createDispatcher = (cluster, agentOptions) => {
    pool ??= create(cluster, agentOptions);
    return pool;
  };
  return config;
}

/** Adds the configuration's credentials to the headers and returns its connection pool. */
async function authorize(config: KubeConfig, headers: Record<string, string>): Promise<Dispatcher | undefined> {
  let dispatcher: Dispatcher | undefined;
  await config.applySecurityAuthentication({
    setHeaderParam: (key: string, value: string) => {
      headers[key] = value;
    },
    setDispatcher: (chosen: Dispatcher) => {
      dispatcher = chosen;
    },
  } as unknown as Parameters<KubeConfig['applySecurityAuthentication']>[0]);
  return dispatcher;
}

/** Where objects live: plural names and scopes, asked of the API server once for each group. */
class ResourcePaths {
  readonly #json: Kube['json'];
  readonly #groups = new Map<string, Promise<Map<string, { plural: string; namespaced: boolean }>>>();

  constructor(json: Kube['json']) {
    this.#json = json;
  }

  async of({ apiVersion = '', kind = '', metadata }: KubernetesObject): Promise<string> {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const resource = (await this.#group(root)).get(kind);
    if (resource === undefined) {
      this.#groups.delete(root);
      throw new LabError('LAB_KIND_UNKNOWN', {
        message: `The cluster knows no ${kind} in ${apiVersion}`,
        remedy: 'Check apiVersion and kind in the manifest.',
      });
    }
    const scope = resource.namespaced ? `/namespaces/${metadata?.namespace ?? 'default'}` : '';
    return `${root}${scope}/${resource.plural}/${metadata?.name ?? ''}`;
  }

  #group(root: string): Promise<Map<string, { plural: string; namespaced: boolean }>> {
    const known = this.#groups.get(root);
    if (known !== undefined) return known;
    const asked = this.#json<{ resources: { name: string; kind: string; namespaced: boolean }[] }>('GET', root).then(
      ({ resources }) =>
        new Map(
          resources
            .filter(({ name }) => !name.includes('/'))
            .map(({ name, kind, namespaced }) => [kind, { plural: name, namespaced }]),
        ),
    );
    asked.catch(() => this.#groups.delete(root));
    this.#groups.set(root, asked);
    return asked;
  }
}

async function waitFor<T extends KubernetesObject>(
  inform: Kube['inform'],
  path: string,
  { signal, timeoutSeconds, what, condition, describe, labelSelector, fieldSelector }: WaitOptions<T>,
): Promise<readonly T[]> {
  const finished = new AbortController();
  const deadline = AbortSignal.timeout(timeoutSeconds * 1000);
  try {
    return await new Promise<readonly T[]>((resolve, reject) => {
      let synced = false;
      let failure: Error | null = null;
      const look = (): void => {
        if (synced && condition(cache.list())) resolve(cache.list());
      };
      const cache = inform<T>(path, {
        signal: finished.signal,
        ...(labelSelector === undefined ? {} : { labelSelector }),
        ...(fieldSelector === undefined ? {} : { fieldSelector }),
        onChange: () => queueMicrotask(look),
        onSync: () => {
          synced = true;
          look();
        },
        onFailure: (error) => {
          failure = error;
        },
      });
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      if (signal.aborted) reject(signal.reason);
      deadline.addEventListener('abort', () => {
        const state = synced ? (describe?.(cache.list()) ?? '') : (failure?.message ?? '');
        reject(
          new LabError('LAB_WAIT_TIMEOUT', {
            message: `Waited ${timeoutSeconds} s for ${what}${state === '' ? '' : `:\n${state}`}`,
          }),
        );
      });
    });
  } finally {
    finished.abort();
  }
}
