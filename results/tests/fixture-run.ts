import type { Block } from '../block.ts';
import { evidenceRecord } from '../evidence-record.ts';
import { figure } from '../figure.ts';
import { histogramOf } from '../histogram.ts';
import { methodologyVersion } from '../methodology.ts';
import { type Random, random, shuffled } from '../random.ts';
import { idle, type Run, schemaVersion } from '../run.ts';
import { type TestCase, testCaseId } from '../test-case.ts';

/** What a made-up test case is like: its median latency and its CPU per request, in seconds. */
export type MadeUpTestCase = Omit<TestCase, 'id' | 'caveats' | 'outcome' | 'measurement'> & {
  latencySeconds: number;
  cpuSecondsPerRequest: number;
};

export const plainNone: MadeUpTestCase = {
  dataPlane: 'none',
  dataPlaneId: 'none',
  variant: null,
  profile: 'l4',
  encryption: 'none',
  placement: 'cross-node',
  latencySeconds: 0.0002,
  cpuSecondsPerRequest: 0.0001,
};

export const sidecarMtls: MadeUpTestCase = {
  ...plainNone,
  dataPlane: 'sidecar',
  dataPlaneId: 'sidecar',
  encryption: 'mtls',
  latencySeconds: 0.0006,
  cpuSecondsPerRequest: 0.0003,
};

const [rate, seconds, cores, idleCores] = [100, 4, 2, 0.04];

const measurement: TestCase['measurement'] = {
  name: 'latency',
  kind: 'open-loop',
  label: null,
  parameters: { rate, connections: 16, warmupSeconds: 1, seconds, services: 0 },
  metrics: ['request_duration_seconds', 'requests_per_second', 'cpu_seconds_per_request', 'requests_failed_ratio'],
  work: 'requests',
};

const asked: Run['options']['measurements'][number] = {
  name: 'latency',
  kind: 'open-loop',
  parameters: { rate: [rate], connections: [16], warmupSeconds: [1], seconds: [seconds], services: [0] },
};

/**
 * A run for tests, made up from a seed: each pass disturbs all test cases alike, by a factor between 1 and 2, and each block
 * by a few per cent of its own.
 */
export function fixtureRun({
  testCases = [plainNone, sidecarMtls],
  blocks = 10,
  seed = 1,
}: {
  testCases?: readonly MadeUpTestCase[];
  blocks?: number;
  seed?: number;
} = {}): Run {
  const source = random(seed);
  const passes = Array.from({ length: blocks }, (_, pass) => ({ pass, disturbance: 1 + source.uniform() }));
  const ids = testCases.map((identity) => testCaseId({ ...identity, measurement }));
  return {
    schemaVersion,
    methodologyVersion,
    id: '20261121T120000Z-latency-0a1b2c',
    scenario: 'latency',
    startedAt: '2026-11-21T12:00:00.000Z',
    finishedAt: '2026-11-21T12:03:00.000Z',
    status: { state: 'finished' },
    options: {
      planes: testCases.map(({ dataPlane, dataPlaneId }) => ({ name: dataPlane, dataPlane: dataPlaneId })),
      profiles: ['l4'],
      placements: ['cross-node'],
      blocks,
      measurements: [asked],
      seed,
      replacements: 0,
      cluster: 'netns',
    },
    host: {
      kernel: '6.1.0',
      os: 'Debian GNU/Linux 12',
      cpuModel: 'made up',
      cores,
      memoryBytes: 8 * 1024 ** 3,
      virtualised: true,
      irqTimeAccounting: null,
      cgroup: 'v2',
      governor: null,
      smt: null,
      mitigations: {},
      loadAverage: 0.1,
    },
    versions: { kernel: '6.1.0' },
    commit: null,
    dirty: false,
    caveats: [],
    generators: ['k6'],
    order: passes.map(() => shuffled([...ids, idle], source)),
    testCases: testCases.map(({ latencySeconds, cpuSecondsPerRequest, ...identity }) => ({
      ...identity,
      measurement,
      id: testCaseId({ ...identity, measurement }),
      caveats: [],
      outcome: {
        state: 'measured',
        verification: { before: evidence(identity.encryption), after: evidence(identity.encryption) },
        evidence: evidence('none'),
        blocks: passes.map(({ pass, disturbance }) =>
          block(pass, latencySeconds * disturbance, cpuSecondsPerRequest * disturbance, source),
        ),
        stopped: null,
      },
    })),
    stages: [{ services: 0, programmed: [] }],
    idle: passes.map(({ pass }) => ({
      pass,
      seconds,
      busyCpuSeconds: idleCores * seconds,
      foreignCpuSeconds: figure(0),
      spoiled: null,
    })),
  };
}

function evidence(encryption: TestCase['encryption']) {
  const check = {
    claim: 'each request passes',
    counter: 'requests',
    expected: '500',
    measured: 500,
    unread: null,
    held: true,
  };
  const seen = { where: 'between the nodes', packets: 100, payloadBytes: 70_000, requestBytes: 65_000 };
  const captures = [
    { ...seen, expected: 'ciphertext' as const, plaintextFound: false },
    { ...seen, expected: 'plaintext' as const, plaintextFound: true },
  ];
  return evidenceRecord([check], encryption === 'none' ? [] : captures);
}

function block(pass: number, latencySeconds: number, cpuSecondsPerRequest: number, source: Random): Block {
  const requests = rate * seconds;
  const ownNoise = Math.exp(0.03 * source.normal());
  const latencies = Array.from({ length: requests }, () => latencySeconds * ownNoise * Math.exp(0.3 * source.normal()));
  const pods = cpuSecondsPerRequest * ownNoise * requests * 0.8;
  return {
    pass,
    windowBeganAt: new Date(Date.UTC(2026, 10, 21, 12, 0, 15 * pass)).toISOString(),
    windowSeconds: seconds,
    requestedRate: rate,
    connections: 16,
    counts: { requests },
    durations: { request: histogramOf(latencies) },
    errors: { count: 0, kinds: {}, latency: histogramOf([]) },
    arrivals: {
      scheduled: requests,
      started: requests,
      dropped: 0,
      late: 0,
      lateThresholdSeconds: 0.001,
      lateness: { p50: 0.00001, p99: 0.0001, p999: 0.0002, max: 0.0003 },
    },
    totals: { requests: 500, connections: 16, bytesSent: 50_000, bytesReceived: 600_000, reconnects: 0 },
    besides: null,
    doubledRate: null,
    cpu: {
      seconds,
      busySeconds: cpuSecondsPerRequest * ownNoise * requests + idleCores * seconds,
      stealSeconds: 0,
      roles: { generator: figure(pods / 2), workload: figure(pods / 4), proxy: figure(pods / 4), control: figure(0) },
      kernelSeconds: {
        generator: figure(pods / 4),
        workload: figure(pods / 8),
        proxy: figure(pods / 8),
        control: figure(0),
      },
      lab: figure(0.01),
      foreign: figure(0),
    },
    disturbance: { pressureSeconds: figure(0.1), standstillSeconds: figure(0.0001) },
    spoiled: null,
    growth: { 'proxy/requests': requests },
    memoryBytes: null,
  };
}
