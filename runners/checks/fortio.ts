import { randomBytes } from 'node:crypto';
import type { V1Pod } from '@kubernetes/client-node';
import { z } from 'zod';
import type { Pool } from '../../clusters/cluster.ts';
import { LabError } from '../../clusters/error.ts';
import type { Kube } from '../../clusters/kube.ts';
import type { DataPlane } from '../../datapath/data-plane.ts';

/** What one block of fortio's is asked to be: constant spacing, and nothing made up for what came late. */
export type FortioRequest = {
  url: string;
  rate: number;
  connections: number;
  seconds: number;
  /** About where the median will be, in seconds: fortio's buckets are fine only near the offset that they start from. */
  around: number;
};

const Result = z.object({
  DurationHistogram: z.object({ Percentiles: z.array(z.object({ Percentile: z.number(), Value: z.number() })) }),
  RetCodes: z.record(z.string(), z.number()),
});

const startTimeoutSeconds = 60;

/** Buckets start at this share of the expected median: from there to it they are 10 µs wide or less. */
const bucketsFrom = 0.75;

/**
 * Sends one block of load with fortio from a pod of its own on the pool's first node, enrolled like the generator, and
 * returns its median latency in seconds.
 * @throws LabError LAB_FORTIO_FAILED when it did not run, or not all answers were 200.
 */
export async function fortioMedian(
  { kube, signal }: { kube: Kube; signal: AbortSignal },
  { pool, dataPlane, request }: { pool: Pool; dataPlane: DataPlane; request: FortioRequest },
): Promise<number> {
  const name = `fortio-${randomBytes(4).toString('hex')}`;
  const path = `/api/v1/namespaces/${pool.namespace}/pods`;
  await kube.json('POST', path, { body: fortioPod(name, { pool, dataPlane, request }), signal });
  try {
    await kube.waitFor<V1Pod>(path, {
      signal,
      timeoutSeconds: startTimeoutSeconds + request.seconds,
      what: `fortio on ${pool.name}`,
      fieldSelector: `metadata.name=${name}`,
      condition: ([pod]) => ended(pod),
      describe: ([pod]) => JSON.stringify(pod?.status?.containerStatuses ?? 'no such pod'),
    });
    const response = await kube.request('GET', `${path}/${name}/log`, { query: { container: 'fortio' }, signal });
    return medianOf(await response.text(), pool);
  } finally {
    await kube.json('DELETE', `${path}/${name}`);
  }
}

function fortioPod(
  name: string,
  { pool, dataPlane, request }: { pool: Pool; dataPlane: DataPlane; request: FortioRequest },
): V1Pod {
  const { url, rate, connections, seconds, around } = request;
  const template = dataPlane.enroll(
    {
      metadata: { labels: { app: 'fortio' } },
      spec: {
        serviceAccountName: 'generator',
        automountServiceAccountToken: false,
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 5,
        nodeSelector: { 'kubernetes.io/hostname': pool.nodes[0] },
        containers: [
          {
            name: 'fortio',
            image: 'lab/fortio',
            args: [
              ...['load', '-quiet', '-uniform', '-nocatchup', '-json', '-', '-r', '0.000001'],
              ...['-offset', `${Math.round(around * bucketsFrom * 1e6)}us`],
              ...['-qps', String(rate), '-c', String(connections), '-t', `${seconds}s`, url],
            ],
          },
        ],
      },
    },
    pool,
  );
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...template.metadata, name, namespace: pool.namespace },
    ...(template.spec === undefined ? {} : { spec: template.spec }),
  };
}

function ended(pod: V1Pod | undefined): boolean {
  const status = pod?.status?.containerStatuses?.find((candidate) => candidate.name === 'fortio');
  return status?.state?.terminated !== undefined || pod?.status?.phase === 'Failed';
}

// The log holds both streams; the JSON object is all of standard output.
function medianOf(log: string, pool: Pool): number {
  const parsed = Result.safeParse(parseJson(log.slice(log.indexOf('\n{') + 1, log.lastIndexOf('}') + 1)));
  if (!parsed.success) throw failed(pool, log.slice(-500));
  const codes = Object.keys(parsed.data.RetCodes);
  if (codes.length !== 1 || codes[0] !== '200') throw failed(pool, `answers: ${JSON.stringify(parsed.data.RetCodes)}`);
  const median = parsed.data.DurationHistogram.Percentiles.find(({ Percentile }) => Percentile === 50);
  if (median === undefined) throw failed(pool, 'no median in its result');
  return median.Value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function failed(pool: Pool, what: string): LabError {
  return new LabError('LAB_FORTIO_FAILED', { message: `fortio on ${pool.name}: ${what}` });
}
