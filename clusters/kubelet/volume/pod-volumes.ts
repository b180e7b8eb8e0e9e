import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Container, V1Pod, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import { LabError } from '../../error.ts';
import type { Kube } from '../../kube/kube.ts';
import type { Mount } from '../container/oci-spec.ts';
import { nodePath, type RuntimeNode } from '../node/runtime-node.ts';
import type { PodFacts } from '../pod/downward.ts';
import { isSamePayload, type Payload, writeAtomically } from './atomic-directory.ts';
import { containerMount } from './container-mount.ts';
import { EmptyDirectories } from './empty-directories.ts';
import { prepareHostPath } from './host-path.ts';
import { isWritten, volumePayload } from './payload.ts';
import { PodTokens } from './pod-tokens.ts';
import type { Referred, ReferredKinds, ReferredObjects } from './referred-objects.ts';

export type PodVolumesContext = {
  kube: Kube;
  objects: ReferredObjects;
  node: RuntimeNode;
  /** The pod as it is now: downward API files follow its labels and annotations. */
  pod: () => V1Pod;
  facts: () => PodFacts;
  log: (line: string) => void;
};

/** The volumes of one pod: made before its containers, kept up to date, removed after them. */
export class PodVolumes {
  readonly #context: PodVolumesContext;
  /** Where each volume that is made is on the node, by its name. */
  readonly #sources = new Map<string, string>();
  readonly #referred = new Map<string, Referred<unknown>>();
  readonly #written = new Map<string, Payload>();
  readonly #stop = new AbortController();
  readonly #tokens: PodTokens;
  readonly #emptyDirectories: EmptyDirectories;
  #change = Promise.withResolvers<void>();
  #timer: NodeJS.Timeout | undefined;
  #refreshing: Promise<void> = Promise.resolve();
  #ready = false;

  constructor(context: PodVolumesContext) {
    this.#context = context;
    this.#tokens = new PodTokens(context.kube, context.pod, this.#stop.signal);
    this.#emptyDirectories = new EmptyDirectories(context.node, context.pod);
  }

  /**
   * Makes all volumes. May be called again after a failure.
   * @throws LabError LAB_VOLUME_FAILED with the volume's name and what it lacks, in kubelet's words.
   */
  async setUp(): Promise<void> {
    for (const volume of this.#context.pod().spec?.volumes ?? []) {
      if (this.#sources.has(volume.name)) continue;
      try {
        this.#sources.set(volume.name, await this.#make(volume));
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new LabError('LAB_VOLUME_FAILED', {
          message: `MountVolume.SetUp failed for volume "${volume.name}" : ${why}`,
          cause,
        });
      }
    }
    this.#ready = true;
    this.#scheduleTokens();
  }

  /** Resolves when something that a volume is made from changes: a failed set-up may succeed then. */
  change(): Promise<void> {
    this.#change = Promise.withResolvers();
    return this.#change.promise;
  }

  /** The mounts of a container: where each of its volumes is on the node. */
  async mounts(container: V1Container, variables: Readonly<Record<string, string>>): Promise<Mount[]> {
    return Promise.all((container.volumeMounts ?? []).map((mount) => this.#mountOf(mount, variables)));
  }

  /** Brings the files up to date after a change of the pod's own object. */
  podChanged(): void {
    this.#refresh();
  }

  /** Removes what was made; the node's own files (hostPath) stay. */
  async tearDown(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    for (const reference of this.#referred.values()) reference.release();
    await this.#refreshing;
    await this.#emptyDirectories.unmount();
    await rm(nodePath(this.#context.node, this.#directory), { recursive: true, force: true });
  }

  get #directory(): string {
    return `/var/lib/kubelet/pods/${this.#context.pod().metadata?.uid}`;
  }

  async #make(volume: V1Volume): Promise<string> {
    const { name, hostPath, emptyDir } = volume;
    if (hostPath !== undefined) {
      return prepareHostPath(nodePath(this.#context.node, '/'), hostPath.path, hostPath.type ?? '');
    }
    const path = join(this.#directory, 'volumes', name);
    if (emptyDir !== undefined) await this.#emptyDirectories.make(name, emptyDir, path);
    else if (isWritten(volume)) await this.#write(volume, path);
    else {
      const kind = Object.keys(volume).find((key) => key !== 'name');
      throw new Error(`volumes of type ${kind} are not supported by the embedded cluster`);
    }
    return path;
  }

  async #write(volume: V1Volume, path: string): Promise<void> {
    const payload = await volumePayload(this.#context.pod(), volume, {
      configMap: (name) => this.#refer('configmaps', name).current(),
      secret: (name) => this.#refer('secrets', name).current(),
      token: (projection) => this.#tokens.token(projection),
      facts: this.#context.facts(),
    });
    const before = this.#written.get(volume.name);
    if (before !== undefined && isSamePayload(before, payload)) return;
    await writeAtomically(nodePath(this.#context.node, path), payload);
    this.#written.set(volume.name, payload);
  }

  #refer<K extends keyof ReferredKinds>(kind: K, name: string): Referred<ReferredKinds[K]> {
    const key = `${kind}/${name}`;
    const namespace = this.#context.pod().metadata?.namespace ?? '';
    const known =
      this.#referred.get(key) ?? this.#context.objects.acquire(kind, namespace, name, () => this.#changed());
    this.#referred.set(key, known);
    return known as Referred<ReferredKinds[K]>;
  }

  #changed(): void {
    if (this.#ready) this.#refresh();
    else this.#change.resolve();
  }

  /** One after the other: two writers of one directory would remove each other's files. */
  #refresh(): void {
    if (!this.#ready) return;
    this.#refreshing = this.#refreshing.then(async () => {
      for (const volume of this.#context.pod().spec?.volumes ?? []) {
        const path = this.#sources.get(volume.name);
        if (this.#stop.signal.aborted || path === undefined) return;
        if (!isWritten(volume)) continue;
        // What is there stays when its source has gone: the containers still use it.
        await this.#write(volume, path).catch((error: Error) =>
          this.#context.log(`volume ${volume.name}: ${error.message}`),
        );
      }
    });
  }

  #scheduleTokens(): void {
    const { renewAtMs } = this.#tokens;
    if (renewAtMs === null || this.#stop.signal.aborted) return;
    this.#timer = setTimeout(
      () => {
        this.#refresh();
        void this.#refreshing.then(() => this.#scheduleTokens());
      },
      Math.max(shortestRenewalMs, renewAtMs - Date.now()),
    );
    this.#timer.unref();
  }

  async #mountOf(mount: V1VolumeMount, variables: Readonly<Record<string, string>>): Promise<Mount> {
    const { node, pod } = this.#context;
    const source = this.#sources.get(mount.name);
    if (source === undefined) {
      throw new LabError('LAB_CONTAINER_CONFIG', { message: `volume "${mount.name}" is not one of the pod's volumes` });
    }
    const volume = pod().spec?.volumes?.find(({ name }) => name === mount.name);
    const readOnly = volume !== undefined && isWritten(volume);
    return containerMount(mount, { node, source, readOnly }, variables);
  }
}

/** A failed renewal is tried again soon, long before the token ends. */
const shortestRenewalMs = 10_000;
