import { LabError } from '../../error.ts';

/**
 * Refuses a volume that is to carry a container's mounts back to the node where the node's mount does not propagate,
 * as containerd does: such mounts would silently stay in the container.
 * @param mountinfo /proc/<pid>/mountinfo of the node.
 * @throws LabError LAB_CONTAINER_CONFIG
 */
export function requireShared(mountinfo: string, path: string): void {
  const [mount] = mountinfo
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , , , point = '']) => point !== '' && isWithin(path, point))
    // Of several at one point the last is on top.
    .toReversed()
    .toSorted((a, b) => (b[4]?.length ?? 0) - (a[4]?.length ?? 0));
  // proc(5): optional fields stand between the mount options and a lone dash.
  const optional = mount?.slice(6, mount.indexOf('-')) ?? [];
  if (optional.some((field) => field.startsWith('shared:'))) return;
  throw new LabError('LAB_CONTAINER_CONFIG', {
    message: `path "${path}" is mounted on "${mount?.[4]}" but it is not a shared mount`,
  });
}

function isWithin(path: string, point: string): boolean {
  return point === '/' || path === point || path.startsWith(`${point}/`);
}
