import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesObject } from '@kubernetes/client-node';
import type { Pool } from '../../clusters/cluster.ts';
import { LabError } from '../../clusters/error.ts';
import type { DataPlaneContext } from '../data-plane.ts';
import { askAgent } from './agent-client.ts';
import { settingsMap } from './cluster/settings.ts';

const timeoutSeconds = 10;
const pauseMs = 10;

/** Switches the short-cut of a pool's nodes for connections that are opened from now on; resolves when it is. */
export async function switchShortcut(context: DataPlaneContext, pool: Pool, on: boolean): Promise<void> {
  const { kube, signal } = context;
  const namespace = pool.systemNamespace;
  await kube.apply([settingsObject(namespace, on)], signal);
  const deadline = Date.now() + timeoutSeconds * 1000;
  for (const node of pool.nodes) {
    while ((await askAgent<{ shortcut: boolean }>(context, { namespace, node, path: '/settings' })).shortcut !== on) {
      if (Date.now() > deadline) {
        throw new LabError('LAB_SETTING_REFUSED', {
          message: `The node agent on ${node} has not switched the short-cut ${on ? 'on' : 'off'} in ${timeoutSeconds} s`,
        });
      }
      await delay(pauseMs, undefined, { signal });
    }
  }
}

/** The settings of a pool's agents, as they watch them. */
export function settingsObject(namespace: string, shortcut: boolean): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: settingsMap, namespace },
    data: { shortcut: shortcut ? 'on' : 'off' },
  } as KubernetesObject;
}
