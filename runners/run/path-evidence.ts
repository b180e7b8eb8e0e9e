import type { V1Pod } from '@kubernetes/client-node';
import { z } from 'zod';
import type { DataPlaneContext, Evidence, Expectation } from '../../datapath/data-plane.ts';
import type { Traffic } from '../../results/block.ts';
import type { EvidenceCheck } from '../../results/evidence-record.ts';
import { figure } from '../../results/figure.ts';
import type { Sent } from '../load/driver.ts';
import { checkEvidence } from './check-evidence.ts';
import type { Growth } from './growth.ts';
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
    readWorkload(context, planned, workload),
  ]);
  return { ...dataPlane, ...arrived };
}

/** Holds what the counters grew by against what the generator says that it sent meanwhile. */
export function checkPath(planned: PlannedCase, growth: Growth, sent: Sent): EvidenceCheck[] {
  return checkEvidence({ ...growth, ...arrivedGrowth(sent) }, claimsOf(planned, sent));
}

/** What the driver's own far end counted, beside the counters of hops. */
export function arrivedGrowth({ arrived }: Pick<Sent, 'arrived'>): Growth {
  return Object.fromEntries(Object.entries(arrived).map(([counter, by]) => [counter, figure(by)]));
}

/** What holds exactly of exact totals lies between both ends where something may have been sent besides. */
function claimsOf(planned: PlannedCase, { traffic, besides }: Sent): readonly Expectation[] {
  const least = expectations(planned, traffic);
  if (besides === null) return least;
  const most = expectations(planned, {
    requests: traffic.requests + besides.requests,
    connections: traffic.connections + besides.connections,
    bytesSent: traffic.bytesSent + besides.bytesSent,
    bytesReceived: traffic.bytesReceived + besides.bytesReceived,
  });
  return least.map((expectation, index) => {
    const { counter, claim } = expectation;
    const [from, to] = [boundsOf(expectation)?.[0], boundsOf(most[index])?.[1]];
    if (from === undefined || to === undefined || from === to) return expectation;
    return { counter, claim, between: [from, to] };
  });
}

/** Null for what has no upper end, or one that does not follow from the traffic. */
function boundsOf(expectation: Expectation | undefined): readonly [least: number, most: number] | null {
  if (expectation === undefined) return null;
  if ('exactly' in expectation) return [expectation.exactly, expectation.exactly];
  return 'between' in expectation ? expectation.between : null;
}

function expectations({ dataPlane, driver, testCase }: PlannedCase, traffic: Traffic): Expectation[] {
  const added = dataPlane.addedBytes?.(testCase) ?? null;
  return [...dataPlane.expected(testCase, traffic), ...driver.arrivals(traffic, added)];
}

async function readWorkload(
  { kube, signal }: DataPlaneContext,
  { dataPlane, testCase }: PlannedCase,
  workload: V1Pod,
): Promise<Evidence> {
  const { namespace, name } = workload.metadata ?? {};
  const path = `/api/v1/namespaces/${namespace}/pods/${name}:${workloadAdminPort}/proxy/stats`;
  const stats = WorkloadStats.parse(await kube.json('GET', path, { signal }));
  const port = String(testCase.port);
  const own = stats[port];
  const elsewhere = Object.entries(stats).filter(([other]) => other !== port);
  const rewritten = (dataPlane.addedBytes?.(testCase) ?? null) !== null;
  return {
    // A port that another program serves, beside the workload, is that one's to count.
    ...(own === undefined
      ? {}
      : {
          'workload/requests': own.requests,
          // A proxy for HTTP keeps connections of its own, so their number says nothing there.
          ...(rewritten ? {} : { 'workload/connections': own.connections }),
          'workload/bytes-received': own.bytesReceived,
          'workload/bytes-sent': own.bytesSent,
        }),
    'workload/requests-on-other-ports': elsewhere.reduce((sum, [, { requests }]) => sum + requests, 0),
  };
}
