import { setTimeout as delay } from 'node:timers/promises';
import type {
  AppsV1Api,
  AuthenticationV1Api,
  CoordinationV1Api,
  CoreV1Api,
  DiscoveryV1Api,
  Informer,
  KubeConfig,
  KubernetesListObject,
  KubernetesObject,
  ObjectCache,
  Watch,
} from '@kubernetes/client-node';
import { type Dispatcher, fetch, type Response } from 'undici';
import { LabError } from './error.ts';

/** A connection to one Kubernetes API: the typed clients, and the few calls that the lab needs beyond them. */
export type Kube = {
  readonly config: KubeConfig;
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly discovery: DiscoveryV1Api;
  readonly coordination: CoordinationV1Api;
  readonly authentication: AuthenticationV1Api;
  /** One HTTP request to the API server. The response is returned whatever its status; see {@link Kube.json}. */
  request(method: string, path: string, options?: RequestOptions): Promise<Response>;
  /** The same, with a JSON answer. @throws ApiError when the status is not 2xx. */
  json<T>(method: string, path: string, options?: RequestOptions): Promise<T>;
  /**
   * Server-side apply, in the order given, with the API server's strict field validation.
   * @throws ApiError naming the object and what the API server said of it, unknown fields included.
   */
  apply(objects: readonly KubernetesObject[], signal?: AbortSignal): Promise<void>;
  /** Deletes objects, those that do not exist included. Returns before finalizers and grace periods are over. */
  delete(objects: readonly KubernetesObject[], signal?: AbortSignal): Promise<void>;
  /** Lists and watches `path` (`/api/v1/pods`) until the signal aborts, reconnecting after every kind of error. */
  inform<T extends KubernetesObject>(path: string, options: InformOptions<T>): ObjectCache<T>;
  /**
   * Resolves with the objects of a list as soon as `condition` returns true for them.
   * @throws LabError LAB_WAIT_TIMEOUT saying what was waited for and `describe`'s account of how far it got.
   */
  waitFor<T extends KubernetesObject>(path: string, options: WaitOptions<T>): Promise<readonly T[]>;
};

export type RequestOptions = {
  query?: Record<string, string>;
  headers?: Record<string, string>;
  /** Sent as it is when a string, as JSON otherwise. */
  body?: unknown;
  signal?: AbortSignal;
};

export type InformOptions<T> = {
  signal: AbortSignal;
  fieldSelector?: string;
  labelSelector?: string;
  /** Called on every addition, change and deletion (`deleted`), repeats included. */
  onChange?: (object: T, deleted: boolean) => void;
  /** Called when a list has arrived, the first one and each after a lost connection. */
  onSync?: () => void;
};

export type WaitOptions<T> = {
  signal: AbortSignal;
  timeoutSeconds: number;
  /** What is waited for, for the error message: `kube-proxy to be ready`. */
  what: string;
  labelSelector?: string;
  fieldSelector?: string;
  condition: (objects: readonly T[]) => boolean;
  /** What the objects look like when time has run out, one line for each that matters. */
  describe?: (objects: readonly T[]) => string;
};

/** An answer of the API server that is not 2xx. `reason` is Kubernetes' machine-readable word (`NotFound`). */
export class ApiError extends LabError {
  readonly status: number;
  readonly reason: string;

  constructor(what: string, status: number, body: string) {
    const { reason, message } = statusOf(body);
    super('LAB_KUBERNETES_REFUSED', {
      message: `${what}: the API server answered ${status}${message === '' ? '' : `: ${message}`}`,
    });
    this.status = status;
    this.reason = reason;
  }
}

/** Connects by a kubeconfig file, or as a pod's own service account where no file is given. */
export async function connect(kubeconfig: string | null): Promise<Kube> {
  const client = await loadClient();
  const config = pooled(new client.KubeConfig());
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

  const inform: Kube['inform'] = <T extends KubernetesObject>(path: string, options: InformOptions<T>) => {
    const query: { fieldSelector?: string; labelSelector?: string } = {};
    if (options.fieldSelector !== undefined) query.fieldSelector = options.fieldSelector;
    if (options.labelSelector !== undefined) query.labelSelector = options.labelSelector;
    const list = () => json<KubernetesListObject<T>>('GET', path, { query, signal: options.signal });
    const listWatch = new client.ListWatch<T>(
      path,
      patient(new client.Watch(config)),
      list,
      false,
      options.labelSelector,
      options.fieldSelector,
    );
    keepInformed(listWatch, options);
    return listWatch;
  };

  return {
    config,
    core: config.makeApiClient(client.CoreV1Api),
    apps: config.makeApiClient(client.AppsV1Api),
    discovery: config.makeApiClient(client.DiscoveryV1Api),
    coordination: config.makeApiClient(client.CoordinationV1Api),
    authentication: config.makeApiClient(client.AuthenticationV1Api),
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

/**
 * Loads the library of API clients: it is large, so it is loaded only for {@link connect}, or before, while the process
 * waits for something else.
 */
export function loadClient(): Promise<typeof import('@kubernetes/client-node')> {
  return import('@kubernetes/client-node');
}

/** `Deployment lab-none/workload`, for messages. */
export function nameOf(object: KubernetesObject): string {
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

// The library takes a watch that has been silent for 30 s for dead, and lists everything again. The API server itself
// ends watches after five to ten minutes, and a connection that breaks says so.
function patient(watch: Watch): Watch {
  (watch as unknown as { requestTimeoutMs: number }).requestTimeoutMs = 15 * 60_000;
  return watch;
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
  private readonly json: Kube['json'];
  private readonly groups = new Map<string, Promise<Map<string, { plural: string; namespaced: boolean }>>>();

  constructor(json: Kube['json']) {
    this.json = json;
  }

  async of({ apiVersion = '', kind = '', metadata }: KubernetesObject): Promise<string> {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const resource = (await this.group(root)).get(kind);
    if (resource === undefined) {
      this.groups.delete(root);
      throw new LabError('LAB_KIND_UNKNOWN', {
        message: `The cluster knows no ${kind} in ${apiVersion}`,
        remedy: 'Check apiVersion and kind in the manifest.',
      });
    }
    const scope = resource.namespaced ? `/namespaces/${metadata?.namespace ?? 'default'}` : '';
    return `${root}${scope}/${resource.plural}/${metadata?.name ?? ''}`;
  }

  private group(root: string): Promise<Map<string, { plural: string; namespaced: boolean }>> {
    const known = this.groups.get(root);
    if (known !== undefined) return known;
    const asked = this.json<{ resources: { name: string; kind: string; namespaced: boolean }[] }>('GET', root).then(
      ({ resources }) =>
        new Map(
          resources
            .filter(({ name }) => !name.includes('/'))
            .map(({ name, kind, namespaced }) => [kind, { plural: name, namespaced }]),
        ),
    );
    asked.catch(() => this.groups.delete(root));
    this.groups.set(root, asked);
    return asked;
  }
}

// The library's informer stops on most errors; it is started again with jitter, so that many do not come back at once.
function keepInformed<T extends KubernetesObject>(
  informer: Informer<T> & ObjectCache<T>,
  { signal, onChange, onSync }: InformOptions<T>,
): void {
  if (onChange !== undefined) {
    informer.on('add', (object) => onChange(object, false));
    informer.on('update', (object) => onChange(object, false));
    informer.on('delete', (object) => onChange(object, true));
  }
  const startAgain = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        await informer.start();
        onSync?.();
        return;
      } catch {
        await delay(100 + Math.random() * 400, undefined, { signal }).catch(() => undefined);
      }
    }
  };
  informer.on(
    'error',
    () => void delay(100 + Math.random() * 400, undefined, { signal }).then(startAgain, () => undefined),
  );
  signal.addEventListener('abort', () => void informer.stop(), { once: true });
  void startAgain();
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
      const check = (): void => {
        if (synced && condition(cache.list())) resolve(cache.list());
      };
      const cache = inform<T>(path, {
        signal: finished.signal,
        ...(labelSelector === undefined ? {} : { labelSelector }),
        ...(fieldSelector === undefined ? {} : { fieldSelector }),
        onChange: () => queueMicrotask(check),
        onSync: () => {
          synced = true;
          check();
        },
      });
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      if (signal.aborted) reject(signal.reason);
      deadline.addEventListener('abort', () => {
        const state = describe?.(cache.list()) ?? '';
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

function statusOf(body: string): { reason: string; message: string } {
  try {
    const { reason, message } = JSON.parse(body) as { reason?: string; message?: string };
    return { reason: reason ?? '', message: message ?? body };
  } catch {
    return { reason: '', message: body };
  }
}
