import { chmod, chown, mkdir } from 'node:fs/promises';
import type { V1EmptyDirVolumeSource, V1Pod } from '@kubernetes/client-node';
import { exec, tryExec } from '../../exec.ts';
import { nodePath, onNode, type RuntimeNode } from '../node/runtime-node.ts';
import { parseQuantity } from '../quantity.ts';

/** The emptyDir volumes of one pod, which everybody in it may write. */
export class EmptyDirectories {
  readonly #node: RuntimeNode;
  readonly #pod: () => V1Pod;
  /** Paths of the node at which there is a file system of memory. */
  readonly #mounts: string[] = [];

  constructor(node: RuntimeNode, pod: () => V1Pod) {
    this.#node = node;
    this.#pod = pod;
  }

  /** Makes one at a path of the node. */
  async make(name: string, source: V1EmptyDirVolumeSource, path: string): Promise<void> {
    const here = nodePath(this.#node, path);
    await mkdir(here, { recursive: true });
    if (source.medium === 'Memory') await this.#mount(name, source, path);
    await chmod(here, 0o777);
    const group = this.#pod().spec?.securityContext?.fsGroup;
    if (group === undefined) return;
    await chown(here, 0, group);
    await chmod(here, 0o2777);
  }

  /** Takes away what holds memory; the directories themselves stay. */
  async unmount(): Promise<void> {
    for (const path of this.#mounts) await tryExec(...onNode(this.#node, 'umount', ['--lazy', path]));
  }

  async #mount(name: string, { sizeLimit }: V1EmptyDirVolumeSource, path: string): Promise<void> {
    const size = sizeLimit === undefined ? [] : [`size=${Math.floor(parseQuantity(sizeLimit))}`];
    const options = ['mode=0777', ...size].join(',');
    await exec(...onNode(this.#node, 'mount', ['-t', 'tmpfs', '-o', options, `lab-${name}`, path]));
    this.#mounts.push(path);
  }
}
