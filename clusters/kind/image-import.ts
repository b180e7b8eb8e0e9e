import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contained } from '../contained.ts';
import { exec } from '../exec.ts';

// Images are kept packed: a node unpacks those that it runs. The default specification is without limits on resources,
// which a host may not let its containers have.
const importScript = `
if [ -z "$4" ]; then mount --bind "$1" "$1"; else mount -t overlay -o "$4" datapath-lab "$1"; fi
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs tmpfs "$1/run"
mount --bind "$3" "$1/tmp"
touch "$3/images.tar"
mount --bind "$2" "$1/tmp/images.tar"
chroot "$1" bash -euc '
  containerd > /tmp/containerd.log 2>&1 &
  for attempt in $(seq 150); do ctr version > /dev/null 2>&1 && break; sleep 0.2; done
  ctr --namespace k8s.io images import --no-unpack /tmp/images.tar
  ctr oci spec | jq "del(.process.rlimits)" > /etc/containerd/cri-base.json
  kill $!
  wait $! || true
'
`;

/**
 * Imports an archive of images into the containerd of a node's file system, where no node runs yet: into the directory
 * `root`, or into the overlay that is mounted there for it.
 */
export async function importImages(
  root: string,
  { archive, overlay = '' }: { archive: string; overlay?: string },
  signal: AbortSignal,
): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'lab-import-'));
  try {
    const [file, args] = contained('bash', ['-euc', importScript, 'import', root, archive, scratch, overlay]);
    await exec(file, args, { signal });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
