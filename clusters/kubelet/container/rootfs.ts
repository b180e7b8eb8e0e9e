import { chmod, lstat, mkdir, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mount } from './oci-spec.ts';

/** Generated files of /etc, by name. */
export type EtcFiles = { hosts: string; hostname: string; 'resolv.conf': string };

const readOnlyBind = ['rbind', 'ro', 'rprivate'];

/** What of the host's /etc programs need to run at all: the linker's cache, certificates, Debian's alternatives. */
const sharedEtc = ['ld.so.cache', 'ssl', 'alternatives', 'protocols', 'services'];

/** Where the host has programs and libraries beside /usr; links into it on a merged-/usr system. */
const programDirectories = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'];

const passwd = 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n';
const group = 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n';
const nsswitch = 'passwd: files\ngroup: files\nhosts: files dns\n';

/**
 * Fills `directory` with a container's own root: writable, private, without anything of the host but its programs.
 * @returns the mounts that complete it.
 */
export async function createRootfs(directory: string, etc: EtcFiles): Promise<Mount[]> {
  for (const path of ['etc', 'proc', 'sys', 'dev', 'tmp', 'run', 'var/tmp', 'var/log', 'var/lib', 'root']) {
    await mkdir(join(directory, path), { recursive: true });
  }
  await Promise.all([
    symlink('/run', join(directory, 'var/run')),
    chmod(directory, 0o755),
    chmod(join(directory, 'tmp'), 0o1777),
    chmod(join(directory, 'var/tmp'), 0o1777),
    chmod(join(directory, 'root'), 0o700),
    ...Object.entries({ ...etc, passwd, group, 'nsswitch.conf': nsswitch }).map(([name, text]) =>
      writeFile(join(directory, 'etc', name), text, { mode: 0o644 }),
    ),
  ]);
  const mounts: Mount[] = [{ destination: '/usr', type: 'bind', source: '/usr', options: readOnlyBind }];
  for (const name of programDirectories) {
    const stat = await lstat(`/${name}`).catch(() => null);
    if (stat?.isSymbolicLink()) await symlink(await readlink(`/${name}`), join(directory, name));
    else if (stat?.isDirectory()) mounts.push(bind(`/${name}`));
  }
  for (const name of sharedEtc) {
    if ((await lstat(`/etc/${name}`).catch(() => null)) !== null) mounts.push(bind(`/etc/${name}`));
  }
  return mounts;
}

function bind(path: string): Mount {
  return { destination: path, type: 'bind', source: path, options: readOnlyBind };
}
