import type { KubernetesObject, ObjectCache } from '@kubernetes/client-node';
import type { Response } from 'undici';

/** A connection to one Kubernetes API. */
export type Kube = {
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
  /**
   * Lists and watches `path` (`/api/v1/pods`) until the signal aborts, whatever the API server and the connection do: it
   * goes on from where it was, lists again where it may have missed something, and notices a watch that has gone silent.
   */
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
  /** Called when a list has arrived: the first one, and each that had to be asked for later. */
  onSync?: () => void;
  /** Called when a list or a watch went wrong, how many times in a row by now; it is tried again. */
  onFailure?: (error: Error, inARow: number) => void;
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
