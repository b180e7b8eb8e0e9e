import type { Kube } from '../../../clusters/kube/kube.ts';
import type { NodeFacts } from '../cluster/node-facts.ts';
import { ownFacts } from '../cluster/own-facts.ts';
import { Configuration, nodeConfiguration } from '../maps/configuration.ts';
import type { Datapath } from '../maps/datapath.ts';
import { loadDatapath } from '../maps/load-datapath.ts';
import { imageFiles, nodePaths } from './paths.ts';
import { findUplink, type Uplink } from './uplink.ts';

/** The node that the agent is on: what the API knows of it, its link to the others, and the kernel's side of it. */
export type OwnNode = {
  readonly name: string;
  readonly facts: NodeFacts;
  readonly uplink: Uplink;
  readonly datapath: Datapath;
  readonly configuration: Configuration;
};

/**
 * Loads the programs, and waits until the API knows the node's address and the ranges of its pods.
 * @param reportMs between two events of one connection and direction.
 */
export async function openNode(
  kube: Kube,
  { name, reportMs }: { name: string; reportMs: number },
  signal: AbortSignal,
): Promise<OwnNode> {
  const datapath = await loadDatapath(imageFiles.objects, nodePaths.bpf, signal);
  const facts = await ownFacts(kube, name, signal);
  const uplink = await findUplink(facts, signal);
  const configuration = new Configuration(datapath.config, nodeConfiguration(facts, uplink, reportMs));
  return { name, facts, uplink, datapath, configuration };
}
