import { join } from 'node:path';

/** The lab's own folder on the host, on a tmpfs, root's alone: gone with the cluster, or with a reboot. */
export const runtimeDirectory = '/run/datapath-lab';

/** What has been made and who owns it; see `journal.ts`. */
export const journalPath = join(runtimeDirectory, 'journal.json');

/** A kubeconfig for any kubectl on the host. */
export const kubeconfigPath = join(runtimeDirectory, 'kubeconfig');

/** The supervisor's own API (HTTP on a unix socket). */
export const supervisorSocket = join(runtimeDirectory, 'supervisor.sock');

/** Which controllers the root of cgroup v2 gave its children before the lab came; see `root-controllers.ts`. */
export const rootControllersPath = join(runtimeDirectory, 'cgroup-controllers');

/** Logs of the supervisor and the control plane; kept after `down` until the next `up`. */
export const logDirectory = join(runtimeDirectory, 'logs');

/** A tmpfs that only the supervisor's mount namespace has: keys, etcd's data, the nodes' private file systems. */
export const privateDirectory = join(runtimeDirectory, 'private');

/** The lab's subtree in every cgroup hierarchy. */
export const cgroupRoot = 'datapath-lab';
