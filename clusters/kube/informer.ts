import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesObject, ObjectCache } from '@kubernetes/client-node';
import { ApiError } from './api-error.ts';
import type { InformOptions, Kube } from './kube.ts';
import { ObjectStore } from './object-store.ts';

/** How patient an informer is. */
export type Patience = {
  /**
   * The API server is asked to end each watch after this time at the latest. A watch cannot be told from one whose
   * server is gone while nothing happens: one that does not end has lost its server.
   */
  watchSeconds: number;
  /** For a list, and for a watch to end when it should have. */
  answerSeconds: number;
  /** The longest pause before another attempt. */
  pauseSeconds: number;
};

const usualPatience: Patience = { watchSeconds: 60, answerSeconds: 20, pauseSeconds: 5 };

/**
 * Lists and watches until the signal aborts, whatever happens to connections and answers: see {@link Kube.inform}. The
 * library's own informer takes a list that failed for one that has come, skips events that it cannot read, and does not
 * watch for up to 30 s after a watch in which nothing happened.
 */
export function startInformer<T extends KubernetesObject>(
  request: Kube['request'],
  path: string,
  options: InformOptions<T>,
  patience = usualPatience,
): ObjectCache<T> {
  const store = new ObjectStore<T>(options);
  const query: Record<string, string> = {};
  if (options.fieldSelector !== undefined) query.fieldSelector = options.fieldSelector;
  if (options.labelSelector !== undefined) query.labelSelector = options.labelSelector;
  void follow({ request, path, query, options, patience, store });
  return store;
}

type Source<T extends KubernetesObject> = {
  request: Kube['request'];
  path: string;
  query: Record<string, string>;
  options: InformOptions<T>;
  patience: Patience;
  store: ObjectStore<T>;
};

/** `version` is that of the last event, null where everything has to be listed (again). */
type Position = { version: string | null; askedPauseSeconds: number };

async function follow<T extends KubernetesObject>(source: Source<T>): Promise<void> {
  const { signal } = source.options;
  const position: Position = { version: null, askedPauseSeconds: 0 };
  for (let failures = 0; !signal.aborted; ) {
    const began = performance.now();
    try {
      const from = position.version ?? (await list(source, position));
      position.version = from;
      await watch(source, position, from);
      // One that ends at once and empty is no better than one that fails.
      const wasOfUse = position.version !== from || performance.now() - began > 1000;
      failures = wasOfUse ? 0 : failures + 1;
    } catch (error) {
      failures = performance.now() - began > 1000 ? 1 : failures + 1;
      if (!signal.aborted) source.options.onFailure?.(error as Error, failures);
    }
    if (failures > 0) await pause(source, failures, position);
  }
}

/** Not everybody is to come back at once. */
async function pause<T extends KubernetesObject>(
  { options: { signal }, patience: { pauseSeconds } }: Source<T>,
  failures: number,
  position: Position,
): Promise<void> {
  const seconds = Math.max(0.1 * 2 ** Math.min(failures, 10) * (0.5 + Math.random()), position.askedPauseSeconds);
  position.askedPauseSeconds = 0;
  await delay(Math.min(seconds, pauseSeconds) * 1000, undefined, { signal }).catch(() => undefined);
}

/** Takes over all objects that there are. @returns the version at which to watch on. */
async function list<T extends KubernetesObject>(source: Source<T>, position: Position): Promise<string> {
  const { request, path, query, options, patience, store } = source;
  return within(patience.answerSeconds, options.signal, async (signal) => {
    const response = await request('GET', path, { query, signal });
    const text = await response.text();
    if (!response.ok) throw refusal(path, response, text, position);
    const { items, metadata } = JSON.parse(text) as { items?: unknown; metadata?: { resourceVersion?: unknown } };
    const version = metadata?.resourceVersion;
    // Taken for an empty list, half an answer would delete what there is.
    if (!Array.isArray(items) || !items.every(isObject) || typeof version !== 'string' || version === '') {
      throw new Error(`${path}: the answer is no list`);
    }
    store.replace(items as T[]);
    return version;
  });
}

type WatchEvent = { type?: string; object?: unknown };

/** Takes over changes until the watch ends, and moves `position` with them. Throws where it did not end in peace. */
async function watch<T extends KubernetesObject>(source: Source<T>, position: Position, from: string): Promise<void> {
  const { request, path, options, patience, store } = source;
  const seconds = Math.ceil(patience.watchSeconds * (0.75 + Math.random() / 4));
  const query = {
    ...source.query,
    watch: 'true',
    resourceVersion: from,
    timeoutSeconds: String(seconds),
    allowWatchBookmarks: 'true',
  };
  await within(seconds + patience.answerSeconds, options.signal, async (signal) => {
    const response = await request('GET', path, { query, signal });
    if (!response.ok || response.body === null) {
      // An overloaded server, or what stands before one, has nothing against the version.
      if (![429, 502, 503].includes(response.status)) position.version = null;
      throw refusal(path, response, await response.text(), position);
    }
    for await (const line of linesOf(response.body)) {
      const version = takeOver(line, store);
      position.version = version;
      if (version === null) throw new Error(`${path}: the watch went wrong: ${line.slice(0, 200)}`);
    }
  });
}

/** @returns the version of the event, null for an error and for what is no event: then one may have been missed. */
function takeOver<T extends KubernetesObject>(line: string, store: ObjectStore<T>): string | null {
  const { type, object } = parseEvent(line);
  if (type === 'ERROR' || !isMetadataOfVersion(object)) return null;
  if (type !== 'BOOKMARK') {
    if (!isObject(object)) return null;
    if (type === 'ADDED' || type === 'MODIFIED') store.set(object as T);
    else if (type === 'DELETED') store.delete(object as T);
    else return null;
  }
  return object.metadata.resourceVersion;
}

function parseEvent(line: string): WatchEvent {
  try {
    return (JSON.parse(line) as WatchEvent | null) ?? {};
  } catch {
    return {};
  }
}

/** Whole lines only: half an event at the end comes again with the next watch. */
async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

function isObject(value: unknown): value is KubernetesObject {
  const name = (value as KubernetesObject | null | undefined)?.metadata?.name;
  return typeof name === 'string' && name !== '';
}

function isMetadataOfVersion(value: unknown): value is { metadata: { resourceVersion: string } } {
  const version = (value as KubernetesObject | null | undefined)?.metadata?.resourceVersion;
  return typeof version === 'string' && version !== '';
}

function refusal(
  path: string,
  { status, headers }: { status: number; headers: { get(name: string): string | null } },
  body: string,
  position: Position,
): ApiError {
  position.askedPauseSeconds = Number(headers.get('retry-after')) || 0;
  return new ApiError(`GET ${path}`, status, body);
}

/** Ends what `work` has under way when the time is over, when the signal aborts, and when it is done. */
async function within<R>(seconds: number, signal: AbortSignal, work: (signal: AbortSignal) => Promise<R>): Promise<R> {
  signal.throwIfAborted();
  const ended = new AbortController();
  const stop = (): void => ended.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const timer = setTimeout(() => ended.abort(new Error(`no answer within ${seconds} s`)), seconds * 1000);
  try {
    return await work(ended.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    ended.abort();
  }
}
