import type { V1Pod, V1PodTemplateSpec } from '@kubernetes/client-node';
import { z } from 'zod';
import { LabError } from '../../clusters/error.ts';
import { exec } from '../../clusters/exec.ts';
import { embeddedPodCommand } from '../../clusters/netns/pod-command.ts';
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

/**
 * The data plane, with fortio beside the generator in each of its pods: both then send through the same proxy, which is
 * as warm for the one as for the other.
 */
export function withFortio(dataPlane: DataPlane): DataPlane {
  return { ...dataPlane, enroll: (template, pool) => dataPlane.enroll(besideGenerator(template), pool) };
}

/**
 * Sends one block of load with fortio from a generator's pod, and returns its median latency in seconds.
 * @throws LabError LAB_FORTIO_FAILED when it did not run, or not all answers were 200.
 */
export async function fortioMedian(pod: V1Pod, request: FortioRequest, signal: AbortSignal): Promise<number> {
  const { DurationHistogram, RetCodes } = await load(pod, request, signal);
  const codes = Object.keys(RetCodes);
  if (codes.length !== 1 || codes[0] !== '200') throw failed(pod, `answers: ${JSON.stringify(RetCodes)}`);
  const median = DurationHistogram.Percentiles.find(({ Percentile }) => Percentile === 50);
  if (median === undefined) throw failed(pod, 'no median in its result');
  return median.Value;
}

const Result = z.object({
  DurationHistogram: z.object({ Percentiles: z.array(z.object({ Percentile: z.number(), Value: z.number() })) }),
  RetCodes: z.record(z.string(), z.number()),
});

const container = 'fortio';

/** Buckets start at this share of the expected median: from there to it they are 10 µs wide or less. */
const bucketsFrom = 0.75;

// It waits as an echo server on its own loopback: the loads are started beside it, in its container.
function besideGenerator(template: V1PodTemplateSpec): V1PodTemplateSpec {
  const { metadata, spec } = template;
  if (spec === undefined || metadata?.labels?.['lab.role'] !== 'generator') return template;
  const fortio = {
    name: container,
    image: 'lab/fortio:lab',
    args: ['tcp-echo', '-quiet', '-tcp-port', '127.0.0.1:8078'],
  };
  return { ...template, spec: { ...spec, containers: [...spec.containers, fortio] } };
}

async function load(
  pod: V1Pod,
  { url, rate, connections, seconds, around }: FortioRequest,
  signal: AbortSignal,
): Promise<z.infer<typeof Result>> {
  const { file, args } = await embeddedPodCommand({
    namespace: pod.metadata?.namespace ?? '',
    pod: pod.metadata?.name ?? '',
    container,
    command: [
      ...['fortio', 'load', '-quiet', '-uniform', '-nocatchup', '-json', '-', '-r', '0.000001'],
      ...['-offset', `${Math.round(around * bucketsFrom * 1e6)}us`],
      ...['-qps', String(rate), '-c', String(connections), '-t', `${seconds}s`, url],
    ],
    tty: false,
  });
  const { stdout } = await exec(file, args, { signal });
  const parsed = Result.safeParse(parseJson(stdout));
  if (!parsed.success) throw failed(pod, stdout.slice(-500));
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function failed({ metadata }: V1Pod, what: string): LabError {
  return new LabError('LAB_FORTIO_FAILED', { message: `fortio in ${metadata?.namespace}/${metadata?.name}: ${what}` });
}
