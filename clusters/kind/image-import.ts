import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contained } from '../contained.ts';
import { exec } from '../exec.ts';

// Images are kept packed, but for those that are named: a node unpacks what it runs.
const importScript = `
root=$1 archives=$2 scratch=$3
shift 3
mkdir "$scratch/archives"
while read -r archive; do
  mounted=$(mktemp "$scratch/archives/XXXXXX.tar")
  mount --bind "$archive" "$mounted"
done <<< "$archives"
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount --rbind "$scratch" "$root/tmp"
chroot "$root" bash -euc '
  containerd > /tmp/containerd.log 2>&1 &
  for attempt in $(seq 150); do ctr version > /dev/null 2>&1 && break; sleep 0.2; done
  for archive in /tmp/archives/*.tar; do ctr --namespace k8s.io images import --no-unpack "$archive"; done
  mkdir /tmp/image
  for reference in "$@"; do
    ctr --namespace k8s.io images mount "$reference" /tmp/image
    ctr --namespace k8s.io images unmount --rm /tmp/image
  done
  kill $!
  wait $! || true
' import "$@"
`;

/** Imports archives of images into the containerd of a node's file system, where no node runs yet. */
export async function importImages(
  root: string,
  { archives, unpacked }: { archives: readonly string[]; unpacked: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'lab-import-'));
  try {
    const command = ['-euc', importScript, 'import', root, archives.join('\n'), scratch, ...unpacked];
    const [file, args] = contained('bash', command);
    await exec(file, args, { signal });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
