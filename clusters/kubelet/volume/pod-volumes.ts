import { chmod, chown, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type {
  V1Container,
  V1Pod,
  V1ServiceAccountTokenProjection,
  V1Volume,
  V1VolumeMount,
} from '@kubernetes/client-node';
import { LabError } from '../../error.ts';
import { exec, tryExec } from '../../exec.ts';
import type { Kube } from '../../kube/kube.ts';
import { expand } from '../container/expansion.ts';
import type { Mount } from '../container/oci-spec.ts';
import { nodePath, onNode, type RuntimeNode, resolveOnNode } from '../node/runtime-node.ts';
import type { PodFacts } from '../pod/downward.ts';
import { parseQuantity } from '../quantity.ts';
import { type Payload, writeAtomically } from './atomic-directory.ts';
import { prepareHostPath } from './host-path.ts';
import { requireShared } from './mount-propagation.ts';
import { type PayloadSources, volumePayload } from './payload.ts';
import type { Referred, ReferredObjects } from './referred-objects.ts';
import { type IssuedToken, issueToken } from './service-account-token.ts';

export type PodVolumesContext = {
  kube: Kube;
  objects: ReferredObjects;
  node: RuntimeNode;
  /** The pod as it is now: downward API files follow its labels and annotations. */
  pod: () => V1Pod;
  facts: () => PodFacts;
  /** Something that a volume is made from has changed; a failed set-up may succeed now. */
  onChange: () => void;
  log: (line: string) => void;
};

/** Whether a volume's files are written here and kept up to date: no container can write there. */
function isWritten(volume: V1Volume): boolean {
  return (['configMap', 'secret', 'downwardAPI', 'projected'] as const).some((kind) => volume[kind] !== undefined);
}

/** The volumes of one pod: made before its containers, kept up to date, removed after them. */
export class PodVolumes {
  private readonly context: PodVolumesContext;
  private readonly sources = new Map<string, string>();
  private readonly referred = new Map<string, Referred<unknown>>();
  private readonly tokens = new Map<string, IssuedToken>();
  private readonly memoryMounts: string[] = [];
  private readonly last = new Map<string, Payload>();
  private readonly stop = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private refreshing: Promise<void> = Promise.resolve();
  private ready = false;

  constructor(context: PodVolumesContext) {
    this.context = context;
  }

  /**
   * Makes all volumes. May be called again after a failure.
   * @throws LabError LAB_VOLUME_FAILED with the volume's name and what it lacks, in kubelet's words.
   */
  async setUp(): Promise<void> {
    for (const volume of this.context.pod().spec?.volumes ?? []) {
      if (this.sources.has(volume.name)) continue;
      try {
        this.sources.set(volume.name, await this.make(volume));
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new LabError('LAB_VOLUME_FAILED', {
          message: `MountVolume.SetUp failed for volume "${volume.name}" : ${why}`,
          cause,
        });
      }
    }
    this.ready = true;
    this.scheduleTokens();
  }

  /** The mounts of a container: where each of its volumes is on the node. */
  async mounts(container: V1Container, variables: Readonly<Record<string, string>>): Promise<Mount[]> {
    return Promise.all((container.volumeMounts ?? []).map((mount) => this.mountOf(mount, variables)));
  }

  /** Brings the files up to date after a change of the pod's own object. */
  podChanged(): void {
    this.refresh();
  }

  /** Removes what was made; the node's own files (hostPath) stay. */
  async tearDown(): Promise<void> {
    this.stop.abort();
    clearTimeout(this.timer);
    for (const reference of this.referred.values()) reference.release();
    await this.refreshing;
    for (const path of this.memoryMounts) {
      await tryExec(...onNode(this.context.node, 'umount', ['--lazy', path]));
    }
    await rm(nodePath(this.context.node, this.directory), { recursive: true, force: true });
  }

  private get directory(): string {
    return `/var/lib/kubelet/pods/${this.context.pod().metadata?.uid}`;
  }

  private async make(volume: V1Volume): Promise<string> {
    const { node } = this.context;
    if (volume.hostPath !== undefined) {
      return prepareHostPath(nodePath(node, '/'), volume.hostPath.path, volume.hostPath.type ?? '');
    }
    const path = join(this.directory, 'volumes', volume.name);
    if (volume.emptyDir !== undefined) {
      await this.makeEmptyDirectory(volume, path);
      return path;
    }
    if (!isWritten(volume)) {
      const kind = Object.keys(volume).find((key) => key !== 'name');
      throw new Error(`volumes of type ${kind} are not supported by the embedded cluster`);
    }
    await this.write(volume, path);
    return path;
  }

  private async makeEmptyDirectory({ name, emptyDir }: V1Volume, path: string): Promise<void> {
    const { node } = this.context;
    const here = nodePath(node, path);
    await mkdir(here, { recursive: true });
    if (emptyDir?.medium === 'Memory') {
      const { sizeLimit } = emptyDir;
      const size = sizeLimit === undefined ? [] : [`size=${Math.floor(parseQuantity(sizeLimit))}`];
      const options = ['mode=0777', ...size].join(',');
      await exec(...onNode(node, 'mount', ['-t', 'tmpfs', '-o', options, `lab-${name}`, path]));
      this.memoryMounts.push(path);
    }
    await chmod(here, 0o777);
    const group = this.context.pod().spec?.securityContext?.fsGroup;
    if (group !== undefined) {
      await chown(here, 0, group);
      await chmod(here, 0o2777);
    }
  }

  private async write(volume: V1Volume, path: string): Promise<void> {
    const payload = await volumePayload(this.context.pod(), volume, this.payloadSources());
    const before = this.last.get(volume.name);
    if (before !== undefined && sameContent(before, payload)) return;
    await writeAtomically(nodePath(this.context.node, path), payload);
    this.last.set(volume.name, payload);
  }

  private payloadSources(): PayloadSources {
    return {
      configMap: (name) => this.refer('configmaps', name).current(),
      secret: (name) => this.refer('secrets', name).current(),
      token: (projection) => this.token(projection),
      facts: this.context.facts(),
    };
  }

  private refer<K extends 'configmaps' | 'secrets'>(
    kind: K,
    name: string,
  ): ReturnType<typeof this.context.objects.acquire<K>> {
    const key = `${kind}/${name}`;
    const namespace = this.context.pod().metadata?.namespace ?? '';
    const known = this.referred.get(key) ?? this.context.objects.acquire(kind, namespace, name, () => this.changed());
    this.referred.set(key, known);
    return known as ReturnType<typeof this.context.objects.acquire<K>>;
  }

  private async token(projection: V1ServiceAccountTokenProjection): Promise<string> {
    const key = JSON.stringify([projection.audience, projection.expirationSeconds]);
    const known = this.tokens.get(key);
    if (known !== undefined && known.renewAtMs > Date.now()) return known.token;
    const issued = await issueToken(this.context.kube, this.context.pod(), projection, this.stop.signal);
    this.tokens.set(key, issued);
    return issued.token;
  }

  private changed(): void {
    if (this.ready) this.refresh();
    else this.context.onChange();
  }

  /** One after the other: two writers of one directory would remove each other's files. */
  private refresh(): void {
    if (!this.ready) return;
    this.refreshing = this.refreshing.then(async () => {
      for (const volume of this.context.pod().spec?.volumes ?? []) {
        const path = this.sources.get(volume.name);
        if (this.stop.signal.aborted || path === undefined) return;
        if (!isWritten(volume)) continue;
        // What is there stays when its source has gone: the containers still use it.
        await this.write(volume, path).catch((error: Error) =>
          this.context.log(`volume ${volume.name}: ${error.message}`),
        );
      }
    });
  }

  private scheduleTokens(): void {
    if (this.tokens.size === 0 || this.stop.signal.aborted) return;
    const nextMs = Math.min(...[...this.tokens.values()].map(({ renewAtMs }) => renewAtMs));
    // A failed renewal is tried again soon, long before the token ends.
    this.timer = setTimeout(
      () => {
        this.refresh();
        void this.refreshing.then(() => this.scheduleTokens());
      },
      Math.max(10_000, nextMs - Date.now()),
    );
    this.timer.unref();
  }

  private async mountOf(mount: V1VolumeMount, variables: Readonly<Record<string, string>>): Promise<Mount> {
    const source = this.sources.get(mount.name);
    if (source === undefined) {
      throw new LabError('LAB_CONTAINER_CONFIG', { message: `volume "${mount.name}" is not one of the pod's volumes` });
    }
    const subPath = mount.subPathExpr === undefined ? mount.subPath : expand(mount.subPathExpr, variables);
    const from = subPath === undefined || subPath === '' ? source : await this.subPathOf(source, subPath);
    if (mount.mountPropagation === 'Bidirectional') {
      requireShared(await readFile(`/proc/${this.context.node.pid}/mountinfo`, 'utf8'), from);
    }
    const volume = this.context.pod().spec?.volumes?.find(({ name }) => name === mount.name);
    const readOnly = mount.readOnly || (volume !== undefined && isWritten(volume));
    return {
      destination: mount.mountPath.replace(/(.)\/+$/, '$1'),
      type: 'bind',
      source: from,
      options: ['rbind', readOnly ? 'ro' : 'rw', propagations[mount.mountPropagation ?? 'None'] ?? 'rprivate'],
    };
  }

  private async subPathOf(source: string, subPath: string): Promise<string> {
    const root = nodePath(this.context.node, '/');
    const path = await resolveOnNode(root, join(source, subPath));
    if (path !== source && !path.startsWith(`${source}/`)) {
      throw new LabError('LAB_CONTAINER_CONFIG', { message: `subPath "${subPath}" leads out of its volume` });
    }
    // What is made has the volume's own mode: the container's user may write wherever it may in the volume.
    const { mode } = await stat(join(root, source));
    const missing = await mkdir(join(root, path), { recursive: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    for (let made = join(root, path); missing !== undefined && made.length >= missing.length; made = dirname(made)) {
      await chmod(made, mode & 0o7777);
    }
    return path;
  }
}

const propagations: Readonly<Record<string, string>> = {
  None: 'rprivate',
  HostToContainer: 'rslave',
  Bidirectional: 'rshared',
};

function sameContent(a: Payload, b: Payload): boolean {
  if (a.size !== b.size) return false;
  return [...a].every(([path, file]) => {
    const other = b.get(path);
    return other !== undefined && other.mode === file.mode && Buffer.compare(other.data, file.data) === 0;
  });
}
