import { exec, tryExec } from '../../exec.ts';
import { onNode, type RuntimeNode } from '../node/runtime-node.ts';

/** What a pod's containers share beside its network: System V IPC and message queues, and /dev/shm. Paths are the node's. */
export type PodIpc = { readonly namespace: string; readonly sharedMemory: string; remove(): Promise<void> };

/** Makes them. Nothing is left behind when that fails. */
export async function createPodIpc(node: RuntimeNode, uid: string): Promise<PodIpc> {
  const directory = `/run/lab/ipc/${uid}`;
  const [namespace, sharedMemory] = [`${directory}/namespace`, `${directory}/shm`];
  const script = `mkdir -p "$2" && : > "$1" || exit 1
    mount -t tmpfs -o nosuid,noexec,nodev,mode=1777,size=65536k shm "$2" && exec unshare --ipc="$1" true`;
  const remove = async (): Promise<void> => {
    const undo = 'umount --lazy "$1" "$2"; exec rm -rf "$3"';
    await tryExec(...onNode(node, 'sh', ['-c', undo, 'ipc', namespace, sharedMemory, directory]));
  };
  try {
    await exec(...onNode(node, 'sh', ['-c', script, 'ipc', namespace, sharedMemory]));
  } catch (error) {
    await remove();
    throw error;
  }
  return { namespace, sharedMemory, remove };
}
