import { lstat, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { enter } from '../../netns/namespace.ts';

/** A node that the runtime runs pods on: namespaces that the process `pid` holds, and what its Node object says. */
export type RuntimeNode = {
  readonly name: string;
  readonly pool: string;
  /** Its address on the nodes' network. */
  readonly address: string;
  readonly podCidr: string;
  readonly pid: number;
  readonly labels: Readonly<Record<string, string>>;
};

/** A command that runs on the node. */
export function onNode(node: RuntimeNode, file: string, args: readonly string[]): [file: string, args: string[]] {
  return enter(node.pid, file, args);
}

/** Where a file of the node is for this process. Symbolic links in `path` are not followed; see {@link resolveOnNode}. */
export function nodePath(node: RuntimeNode, path: string): string {
  return join(`/proc/${node.pid}/root`, path);
}

/** The node's runtime directory of its containers, and runc's own. */
export const containersDirectory = '/run/lab/containers';
export const runcRoot = '/run/lab/runc';

/** A container's bundle on the node. */
export function bundleOf(id: string): string {
  return join(containersDirectory, id);
}

/**
 * A path of the node without symbolic links, as the node sees it. A link's absolute target counts from the node's
 * root, which the kernel would not do for a path that begins with /proc/<pid>/root.
 * @param root where the node's root is for this process.
 */
export async function resolveOnNode(root: string, path: string): Promise<string> {
  let resolved = '/';
  const rest = path.split('/');
  for (let links = 0; rest.length > 0; ) {
    const name = rest.shift() ?? '';
    if (name === '' || name === '.') continue;
    const next = join(resolved, name);
    const isLink = await lstat(join(root, next)).then(
      (stat) => stat.isSymbolicLink(),
      () => false,
    );
    if (!isLink) {
      resolved = next;
      continue;
    }
    if (++links > 40) throw new Error(`${path}: too many levels of symbolic links`);
    const target = await readlink(join(root, next));
    if (target.startsWith('/')) resolved = '/';
    rest.unshift(...target.split('/'));
  }
  return resolved;
}
