import { mkdir } from 'node:fs/promises';
import { poolLabel } from '../cluster.ts';
import { createPki, type Pki } from '../control-plane/pki.ts';
import { startControlPlane } from '../control-plane/start.ts';
import { exec } from '../exec.ts';
import type { ImageCatalogue } from '../images/images.ts';
import type { Kube } from '../kube/kube.ts';
import type { RuntimeNode } from '../kubelet/node/runtime-node.ts';
import { type Runtime, startRuntime } from '../kubelet/runtime.ts';
import { logDirectory, privateDirectory } from '../life/paths.ts';
import { addressPlan } from './address-plan.ts';
import { enter, holdNamespace } from './namespace.ts';
import * as network from './network.ts';
import { createNode } from './node.ts';

export type EmbeddedClusterOptions = {
  nodes: readonly { name: string; pool: string }[];
  images: ImageCatalogue;
  /** The cluster's subtree in every cgroup hierarchy. */
  cgroupRoot: string;
  signal: AbortSignal;
  /** Called as each part of the start begins. */
  step?: (message: string) => void;
  /** The node runtime's lines; standard error when left out. */
  log?: (line: string) => void;
};

/** A running control plane with nodes. `server` is the API server's address from the namespaces that it was started in. */
export type EmbeddedCluster = { kube: Kube; runtime: Runtime; nodes: readonly RuntimeNode[]; pki: Pki; server: string };

/**
 * Starts a control plane and nodes, and resolves when the nodes are registered. For a process that is in pid, mount and
 * network namespaces of its own: their end is the end of everything started here.
 */
export async function startEmbeddedCluster(options: EmbeddedClusterOptions): Promise<EmbeddedCluster> {
  const { images, cgroupRoot, signal, log, step = () => undefined } = options;
  await Promise.all([privateDirectory, logDirectory].map((path) => mkdir(path, { recursive: true, mode: 0o700 })));
  await exec('mount', ['-t', 'tmpfs', '-o', 'mode=700', 'datapath-lab', privateDirectory], { signal });

  step('network namespaces and certificates');
  const [fabricPid, controlPlanePid, pki] = await Promise.all([
    holdNamespace('fabric', '', signal),
    holdNamespace('control-plane', '', signal),
    createPki(['127.0.0.1', '10.96.0.1', addressPlan.controlPlane, addressPlan.legThere(0)], addressPlan.legHere(0)),
  ]);
  await network.createFabric(fabricPid, signal);
  await network.joinFabric(fabricPid, { pid: controlPlanePid, index: 0, address: addressPlan.controlPlane }, signal);

  step('control plane');
  const server = `https://${addressPlan.legThere(0)}:${addressPlan.apiserverPort}`;
  const controlPlane = startControlPlane(
    {
      directory: `${privateDirectory}/control-plane`,
      address: addressPlan.controlPlane,
      port: addressPlan.apiserverPort,
      serviceCidr: addressPlan.serviceCidr,
      podCidr: addressPlan.podCidr,
    },
    { pki, server, logDirectory, signal, enter: (file, args) => enter(controlPlanePid, file, args) },
  );
  const creations = options.nodes.map(async ({ name, pool }, position): Promise<RuntimeNode> => {
    const node = await createNode({ name, pool, index: position + 1 }, { fabricPid, controlPlanePid, signal });
    return { ...node, labels: { [poolLabel]: pool } };
  });
  const [{ kube }, ...nodes] = await Promise.all([controlPlane, ...creations]);

  step('nodes');
  const runtime = await startRuntime({
    kube,
    images,
    nodes,
    cgroupRoot,
    kubelet: {
      address: addressPlan.legHere(0),
      port: addressPlan.kubeletPort,
      certificate: pki.kubelet,
      clientCa: pki.ca,
    },
    signal,
    ...(log === undefined ? {} : { log }),
  });
  return { kube, runtime, nodes, pki, server };
}
