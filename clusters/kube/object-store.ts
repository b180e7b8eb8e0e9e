import type { KubernetesObject, ObjectCache } from '@kubernetes/client-node';
import type { InformOptions } from './kube.ts';

/** The objects of an informer as they were last seen, which tells of every change. */
export class ObjectStore<T extends KubernetesObject> implements ObjectCache<T> {
  readonly #objects = new Map<string, T>();
  readonly #options: Pick<InformOptions<T>, 'onChange' | 'onSync'>;

  constructor(options: Pick<InformOptions<T>, 'onChange' | 'onSync'>) {
    this.#options = options;
  }

  get(name: string, namespace = ''): T | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  list(namespace = ''): readonly T[] {
    const all = [...this.#objects.values()];
    return namespace === '' ? all : all.filter(({ metadata }) => metadata?.namespace === namespace);
  }

  /** Does nothing where this version is there already. */
  set(object: T): void {
    const key = keyOf(object);
    const version = object.metadata?.resourceVersion;
    if (version !== undefined && this.#objects.get(key)?.metadata?.resourceVersion === version) return;
    this.#objects.set(key, object);
    call(() => this.#options.onChange?.(object, false));
  }

  delete(object: T): void {
    if (this.#objects.delete(keyOf(object))) call(() => this.#options.onChange?.(object, true));
  }

  /** Takes over a whole list: what is not in it is deleted. */
  replace(objects: readonly T[]): void {
    const there = new Set(objects.map(keyOf));
    for (const [key, object] of this.#objects) if (!there.has(key)) this.delete(object);
    for (const object of objects) this.set(object);
    call(() => this.#options.onSync?.());
  }
}

/** A fault of whoever is called is none of the API's, and must not be taken for one: it ends the process. */
function call(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}

function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}
