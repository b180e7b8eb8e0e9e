import { chmod, copyFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { imageFiles, nodePaths } from '../node/paths.ts';
import { pluginName } from './plugin.ts';

/** Gives the node's runtime the plugin, and then the configuration that names it: from then on the node is ready. */
export async function installPlugin(signal: AbortSignal): Promise<void> {
  await replace(join(nodePaths.cniPrograms, pluginName), (draft) => copyFile(imageFiles.plugin, draft), 0o755);
  signal.throwIfAborted();
  const configuration = {
    cniVersion: '1.0.0',
    name: 'lab',
    plugins: [{ type: pluginName, agentSocket: nodePaths.socket }],
  };
  await replace(
    join(nodePaths.cniConfiguration, '10-lab.conflist'),
    (draft) => writeFile(draft, JSON.stringify(configuration)),
    0o644,
  );
}

/** By a new name first: the runtime may be reading the old one. */
async function replace(path: string, write: (draft: string) => Promise<void>, mode: number): Promise<void> {
  const draft = join(path, '..', `.${pluginName}.draft`);
  await mkdir(join(path, '..'), { recursive: true });
  await write(draft);
  await chmod(draft, mode);
  await rename(draft, path);
}
