import { randomBytes } from 'node:crypto';
import type { V1Pod, V1Service } from '@kubernetes/client-node';
import { z } from 'zod';
import type { DataPlaneContext, TestCase } from '../../datapath/data-plane.ts';
import { type EvidenceCheck, type EvidenceRecord, evidenceRecord } from '../../results/evidence-record.ts';
import type { Placement } from '../../results/vocabulary.ts';
import { generatorPort, type RequestsResult, sendRequests } from '../load/generator.ts';
import { type CapturedPacket, startCapture } from '../probes/capture.ts';
import { growthOf } from './check-evidence.ts';
import type { Deployed } from './deploy.ts';
import { checkPath, readPath, workloadAdminPort } from './path-evidence.ts';
import type { PlannedCase } from './plan.ts';
import { type Ends, trafficOnTheWire } from './wire.ts';

/** Enough that a share going another way shows, few enough to take no time. */
const requestCount = 50;

const Echo = z.object({ clientAddress: z.string() });

/**
 * Verifies all test cases of one pool and placement: sends requests through each, one case after the other, holds every
 * hop's counters against them, checks the client address that the workload saw, and listens on the wire meanwhile.
 */
export async function verifyPlacement(
  context: DataPlaneContext,
  { cases, deployed, placement }: { cases: readonly PlannedCase[]; deployed: Deployed; placement: Placement },
): Promise<Map<string, EvidenceRecord>> {
  const { kube, signal } = context;
  const { workload } = deployed;
  const generator = deployed.generators.get(placement);
  const pool = cases[0]?.testCase.pool;
  if (pool === undefined || generator === undefined) return new Map();
  const where = placement === 'cross-node' ? 'on the link between the nodes' : "on the node's veths";
  const capture = await startCapture(
    kube,
    {
      namespace: pool.systemNamespace,
      node: pool.nodes[1],
      device: placement === 'cross-node' ? 'eth0' : 'any',
      addresses: [generator.status?.podIP ?? '', workload.status?.podIP ?? ''],
      ignoredPorts: [generatorPort, workloadAdminPort],
    },
    signal,
  );
  const probes: Probe[] = [];
  let packets: CapturedPacket[] = [];
  try {
    const service = await kube.json<V1Service>('GET', `/api/v1/namespaces/${pool.namespace}/services/workload`, {
      signal,
    });
    for (const planned of cases) {
      probes.push(await probe(context, { planned, generator, workload, clusterIp: service.spec?.clusterIP ?? '' }));
    }
  } finally {
    packets = await capture.stop();
  }
  const ends: Ends = [generator.status?.podIP ?? '', workload.status?.podIP ?? ''];
  const captured = (made: Probe, expected: Captured['expected']) => ({
    where,
    ...trafficOnTheWire(packets, ends, { word: made.word, ...made.window, traffic: made.result }, expected),
  });
  return new Map(probes.map((made) => [made.planned.id, judge(made, probes, captured, generator)]));
}

/** Requests sent through one test case, with a word in their headers that a capture can look for. */
type Probe = {
  planned: PlannedCase;
  word: string;
  window: { from: number; to: number };
  result: RequestsResult;
  checks: EvidenceCheck[];
};

async function probe(
  context: DataPlaneContext,
  {
    planned,
    generator,
    workload,
    clusterIp,
  }: { planned: PlannedCase; generator: V1Pod; workload: V1Pod; clusterIp: string },
): Promise<Probe> {
  const word = `lab-${randomBytes(12).toString('hex')}`;
  await planned.dataPlane.prepare?.(context, planned.testCase);
  const before = await readPath(context, planned, workload);
  const from = Date.now() / 1000;
  const result = await sendRequests(
    context.kube,
    generator,
    {
      url: `http://${clusterIp}:${planned.testCase.port}`,
      path: '/echo',
      count: requestCount,
      headers: { 'x-lab-word': word },
    },
    context.signal,
  );
  const to = Date.now() / 1000;
  const after = await readPath(context, planned, workload);
  return { planned, word, window: { from, to }, result, checks: checkPath(planned, growthOf(before, after), result) };
}

function judge(
  probe: Probe,
  all: readonly Probe[],
  captured: (made: Probe, expected: Captured['expected']) => Captured,
  generator: V1Pod,
): EvidenceRecord {
  const checks = [...answers(probe, generator), ...probe.checks];
  const { dataPlane, testCase } = probe.planned;
  const bypasses = dataPlane.bypassesLinks?.(testCase) ?? false;
  if (!bypasses && testCase.encryption === 'none') return evidenceRecord(checks, [captured(probe, 'plaintext')]);
  const twin = twinOf(testCase, all);
  // Without a twin, validity says that no capture shows that plaintext would have been noticed.
  const sanity = twin === undefined ? [] : [captured(twin, 'plaintext')];
  return evidenceRecord(checks, [captured(probe, bypasses ? 'bypassed' : 'ciphertext'), ...sanity]);
}

type Captured = Parameters<typeof evidenceRecord>[1][number];

/** The same test case without encryption, and by the links: what the capture must be able to see. */
function twinOf({ profile }: TestCase, all: readonly Probe[]): Probe | undefined {
  return all.find(
    ({ planned: { dataPlane, testCase } }) =>
      testCase.profile === profile && testCase.encryption === 'none' && !dataPlane.bypassesLinks?.(testCase),
  );
}

/** What the answers themselves must show: that there were as many, and whom the workload took for its client. */
function answers({ planned, result }: Probe, generator: V1Pod): EvidenceCheck[] {
  const answered = result.statuses['200'] ?? 0;
  const client = planned.dataPlane.clientAddress(planned.testCase, generator);
  const named = parseEcho(result.lastBody)?.clientAddress === client ? 1 : 0;
  return [
    {
      claim: 'every request was answered with 200',
      counter: 'generator/answered',
      expected: String(requestCount),
      measured: answered,
      held: answered === requestCount,
    },
    {
      claim: `the workload takes ${client} for its client`,
      counter: 'workload/last-client',
      expected: '1',
      measured: named,
      held: named === 1,
    },
  ];
}

function parseEcho(body: string): z.infer<typeof Echo> | null {
  try {
    return Echo.parse(JSON.parse(body));
  } catch {
    return null;
  }
}
