import { addressPlan } from '../../../../clusters/netns/address-plan.ts';
import { denyRows } from './deny-rows.ts';
import { documentsIn } from './documents.ts';
import { egressRows } from './egress-rows.ts';
import { entityRows } from './entity-rows.ts';
import { ingressRows } from './ingress-rows.ts';
import { isolationRows } from './isolation-rows.ts';
import { labelRows } from './label-rows.ts';
import { elsewhere } from './manifests.ts';
import { noPolicyRows } from './no-policy-rows.ts';
import type { Row } from './row.ts';

/** Addresses of the two nodes of a test cluster, which has no others. */
export const nodeAddresses = [addressPlan.nodeAddress(1), addressPlan.nodeAddress(2)] as const;

/** The connectivity matrix: what may talk to what under which policies. Names are Cilium's where the assertion is. */
export function connectivityRows(namespace: string): Row[] {
  const documents = documentsIn(namespace);
  return [
    ...noPolicyRows(documents),
    ...ingressRows(documents),
    ...egressRows(documents),
    ...labelRows(documents, namespace, elsewhere),
    ...entityRows(documents, { nodes: nodeAddresses, controlPlane: addressPlan.controlPlane }),
    ...isolationRows(documents),
    ...denyRows(documents),
  ];
}
