import { chmod, mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { V1VolumeMount } from '@kubernetes/client-node';
import { LabError } from '../../error.ts';
import { expand } from '../container/expansion.ts';
import type { Mount } from '../container/oci-spec.ts';
import { nodePath, type RuntimeNode, resolveOnNode } from '../node/runtime-node.ts';
import { requireShared } from './mount-propagation.ts';

/** A pod's volume on its node. */
export type MountedVolume = {
  node: RuntimeNode;
  /** Its path on the node. */
  source: string;
  /** No container can write there, whatever it asks for. */
  readOnly: boolean;
};

/**
 * How a container mounts a volume: its path, made where the container asks for a part that is not there, and its options.
 * @param variables the container's own, for `subPathExpr`.
 * @throws LabError LAB_CONTAINER_CONFIG when the part leads out of the volume, or cannot propagate as it is asked to.
 */
export async function containerMount(
  mount: V1VolumeMount,
  { node, source, readOnly }: MountedVolume,
  variables: Readonly<Record<string, string>>,
): Promise<Mount> {
  const subPath = mount.subPathExpr === undefined ? mount.subPath : expand(mount.subPathExpr, variables);
  const from = subPath === undefined || subPath === '' ? source : await makeSubPath(node, source, subPath);
  if (mount.mountPropagation === 'Bidirectional') {
    requireShared(await readFile(`/proc/${node.pid}/mountinfo`, 'utf8'), from);
  }
  return {
    destination: mount.mountPath.replace(/(.)\/+$/, '$1'),
    type: 'bind',
    source: from,
    options: [
      'rbind',
      mount.readOnly || readOnly ? 'ro' : 'rw',
      propagations[mount.mountPropagation ?? 'None'] ?? 'rprivate',
    ],
  };
}

const propagations: Readonly<Record<string, string>> = {
  None: 'rprivate',
  HostToContainer: 'rslave',
  Bidirectional: 'rshared',
};

async function makeSubPath(node: RuntimeNode, source: string, subPath: string): Promise<string> {
  const root = nodePath(node, '/');
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
