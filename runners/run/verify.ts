import { randomBytes } from 'node:crypto';
import type { V1Pod, V1Service } from '@kubernetes/client-node';
import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import { type EvidenceCheck, type EvidenceRecord, evidenceRecord } from '../../results/evidence-record.ts';
import type { Placement } from '../../results/vocabulary.ts';
import type { Probed } from '../load/driver.ts';
import { generatorPort } from '../load/generator-pod.ts';
import { type CapturedPacket, startCapture } from '../probes/capture.ts';
import type { Deployed } from './deploy.ts';
import { growthOf } from './growth.ts';
import { checkPath, readPath, workloadAdminPort } from './path-evidence.ts';
import type { PlannedCase } from './plan.ts';
import { type Ends, trafficOnTheWire } from './wire.ts';

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
    for (const planned of pathsOf(cases)) {
      probes.push(await probe(context, { planned, generator, workload, clusterIp: service.spec?.clusterIP ?? '' }));
    }
  } finally {
    packets = await capture.stop();
  }
  const ends: Ends = [generator.status?.podIP ?? '', workload.status?.podIP ?? ''];
  const captured = (made: Probe, expected: Captured['expected']) => ({
    where,
    ...trafficOnTheWire(packets, ends, { word: made.word, ...made.window, traffic: made.probed.traffic }, expected),
  });
  const records = probes.map((made) => [pathKey(made.planned), judge(made, probes, captured)] as const);
  const byPath = new Map(records);
  return new Map(
    cases.flatMap((planned) => {
      const record = byPath.get(pathKey(planned));
      return record === undefined ? [] : [[planned.id, record] as const];
    }),
  );
}

/** One test case for each path: those that differ in their load alone take the same. */
function pathsOf(cases: readonly PlannedCase[]): PlannedCase[] {
  return [...new Map(cases.map((planned) => [pathKey(planned), planned])).values()];
}

function pathKey({ testCase: { profile, encryption, variant, port } }: PlannedCase): string {
  return [profile, encryption, variant, port].join('/');
}

/** What was sent through one test case, with a word in it that a capture can look for. */
type Probe = {
  planned: PlannedCase;
  word: string;
  window: { from: number; to: number };
  probed: Probed;
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
  const { dataPlane, driver, testCase } = planned;
  const word = `lab-${randomBytes(12).toString('hex')}`;
  await dataPlane.prepare?.(context, testCase);
  const before = await readPath(context, planned, workload);
  const from = Date.now() / 1000;
  const probed = await driver.probe(
    context,
    { generator, host: clusterIp, port: testCase.port },
    { word, client: dataPlane.clientAddress(testCase, generator) },
  );
  const to = Date.now() / 1000;
  const after = await readPath(context, planned, workload);
  return { planned, word, window: { from, to }, probed, checks: checkPath(planned, growthOf(before, after), probed) };
}

function judge(
  probe: Probe,
  all: readonly Probe[],
  captured: (made: Probe, expected: Captured['expected']) => Captured,
): EvidenceRecord {
  const checks = [...probe.probed.answers, ...probe.checks];
  const { dataPlane, testCase } = probe.planned;
  const bypasses = dataPlane.bypassesLinks?.(testCase) ?? false;
  if (!bypasses && testCase.encryption === 'none') return evidenceRecord(checks, [captured(probe, 'plaintext')]);
  const twin = twinOf(probe.planned, all);
  // Without a twin, validity says that no capture shows that plaintext would have been noticed.
  const sanity = twin === undefined ? [] : [captured(twin, 'plaintext')];
  return evidenceRecord(checks, [captured(probe, bypasses ? 'bypassed' : 'ciphertext'), ...sanity]);
}

type Captured = Parameters<typeof evidenceRecord>[1][number];

/** The same test case without encryption, and by the links: what the capture must be able to see. */
function twinOf({ testCase: { profile }, driver }: PlannedCase, all: readonly Probe[]): Probe | undefined {
  return all.find(
    ({ planned }) =>
      planned.testCase.profile === profile &&
      planned.testCase.encryption === 'none' &&
      planned.driver.probe === driver.probe &&
      !planned.dataPlane.bypassesLinks?.(planned.testCase),
  );
}
