import type { V1Pod } from '@kubernetes/client-node';
import { z } from 'zod';
import type { DataPlaneContext, Evidence, Expectation, TestCase, Traffic } from '../../datapath/data-plane.ts';
import type { EvidenceCheck } from '../../results/evidence-record.ts';
import { checkEvidence } from './check-evidence.ts';
import type { PlannedCase } from './plan.ts';

const PortStats = z.object({
  requests: z.int(),
  connections: z.int(),
  bytesReceived: z.int(),
  bytesSent: z.int(),
});
const WorkloadStats = z.record(z.string(), PortStats);

/** The workload's port for its own health and counters, which no data plane touches. */
export const workloadAdminPort = 8079;

/** A reading of every hop of one test case: the data plane's own counters, and what the workload saw arrive. */
export async function readPath(context: DataPlaneContext, planned: PlannedCase, workload: V1Pod): Promise<Evidence> {
  const [dataPlane, arrived] = await Promise.all([
    planned.dataPlane.evidence(context, planned.testCase),
    readWorkload(context, planned.testCase, workload),
  ]);
  return { ...dataPlane, ...arrived };
}

/** Holds what the counters grew by against what the generator says that it sent meanwhile. */
export function checkPath(planned: PlannedCase, growth: Evidence, traffic: Traffic): EvidenceCheck[] {
  return checkEvidence(growth, [
    ...planned.dataPlane.expected(planned.testCase, traffic),
    ...arrivals(planned, traffic),
  ]);
}

// A proxy for HTTP has connections and headers of its own; one for connections passes both on as they are.
function arrivals({ testCase }: PlannedCase, traffic: Traffic): Expectation[] {
  const requests = {
    counter: 'workload/requests',
    claim: 'every request sent arrived at the workload, once',
    exactly: traffic.requests,
  };
  if (testCase.profile === 'l7') {
    return [
      requests,
      { counter: 'workload/bytes-received', claim: 'with at least a byte each', atLeast: traffic.requests },
      { counter: 'workload/bytes-sent', claim: 'and were answered', atLeast: traffic.requests },
    ];
  }
  return [
    requests,
    {
      counter: 'workload/connections',
      claim: 'every connection opened arrived at the workload, once',
      exactly: traffic.connections,
    },
    {
      counter: 'workload/bytes-received',
      claim: 'every byte sent arrived at the workload, and none besides',
      exactly: traffic.bytesSent,
    },
    {
      counter: 'workload/bytes-sent',
      claim: 'every byte that the workload sent came back, and none besides',
      exactly: traffic.bytesReceived,
    },
  ];
}

async function readWorkload(
  { kube, signal }: DataPlaneContext,
  { profile, port }: TestCase,
  workload: V1Pod,
): Promise<Evidence> {
  const { namespace, name } = workload.metadata ?? {};
  const path = `/api/v1/namespaces/${namespace}/pods/${name}:${workloadAdminPort}/proxy/stats`;
  const stats = WorkloadStats.parse(await kube.json('GET', path, { signal }));
  const own = stats[String(port)] ?? { requests: 0, connections: 0, bytesReceived: 0, bytesSent: 0 };
  const elsewhere = Object.entries(stats).filter(([other]) => other !== String(port));
  return {
    'workload/requests': own.requests,
    // A proxy for HTTP keeps connections of its own, so their number says nothing there.
    ...(profile === 'l4' ? { 'workload/connections': own.connections } : {}),
    'workload/bytes-received': own.bytesReceived,
    'workload/bytes-sent': own.bytesSent,
    'workload/requests-on-other-ports': elsewhere.reduce((sum, [, { requests }]) => sum + requests, 0),
  };
}
