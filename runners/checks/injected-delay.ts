import type { V1PodTemplateSpec } from '@kubernetes/client-node';
import { type Pool, poolOf } from '../../clusters/cluster.ts';
import type { DataPlane } from '../../datapath/data-plane.ts';
import { formatDuration, formatInterval, formatRatio } from '../../results/format.ts';
import type { Row } from '../../results/row.ts';
import { dataPlaneOf } from '../run/plan.ts';
import type { Check, CheckInput } from './check.ts';
import { repeatedRuns } from './repeated-runs.ts';

const defaultRuns = 3;
const delayed = 'delayed';
const largeSeconds = 100e-6;
const smallShare = 0.05;
/** Of 95 % intervals some miss: one of three runs may. */
const heldShare = 2 / 3;

/**
 * The positive control: two pools run `none`, and the server of one answers later by a known time. That must be found, with its
 * size inside the interval of what the other is said to add: 100 µs, and 5 % of what a request takes without it.
 */
export const injectedDelay: Check = {
  summary: 'a server that answers 100 µs, or 5 %, later is found, and by how much',
  async run(input) {
    const large = await control(input, largeSeconds);
    const small = await control(input, smallShare * large.baselineSeconds);
    return large.held && small.held;
  },
};

/** Injects one delay. The small one may be below what such runs can find: then its size must be in the interval all the same. */
async function control(input: CheckInput, seconds: number): Promise<{ held: boolean; baselineSeconds: number }> {
  const runs = input.count ?? defaultRuns;
  const pools = [poolOf('none', 'none'), poolOf(delayed, 'none')];
  const enrolledIn = (pool: Pool): DataPlane =>
    pool.name === delayed ? answeringLate(dataPlaneOf(pool), seconds) : dataPlaneOf(pool);
  let [contained, baselineSeconds] = [0, 0];
  input.stdout.write(`${formatDuration(seconds)} injected:\n`);
  await repeatedRuns(input, { pools, runs, profiles: ['l4'], enrolledIn }, ({ rows }) => {
    const p50 = (dataPlane: string): Row | undefined =>
      rows.find((row) => row.dataPlane === dataPlane && row.metric === 'wire_duration_seconds' && row.quantile === 0.5);
    const [base, late] = [p50('none'), p50(delayed)];
    baselineSeconds = base?.value.value ?? 0;
    const { value: added, interval } = late?.addedToNone ?? { value: null, interval: null };
    const effect = late?.toNone;
    const isFound = effect?.finding === 'worse';
    const couldBeFound = (effect?.minimumDetectableEffect ?? 0) < seconds / baselineSeconds;
    const isInside = late?.valid === true && interval !== null && interval[0] <= seconds && interval[1] >= seconds;
    if (isInside && (isFound || !couldBeFound)) contained += 1;
    return (
      `adds ${added === null ? '–' : formatDuration(added)} (${interval?.map(formatDuration).join(' to ') ?? '–'}), ` +
      `${formatRatio(effect?.ratio ?? null)} (${formatInterval(effect?.interval ?? null)}), ${effect?.finding ?? late?.reason}`
    );
  });
  input.stdout.write(`${contained} of ${runs} found it, with its size\n`);
  return { held: contained >= heldShare * runs, baselineSeconds };
}

/** The data plane, with a workload that answers later by that time. */
function answeringLate(dataPlane: DataPlane, seconds: number): DataPlane {
  return { ...dataPlane, enroll: (template, pool) => dataPlane.enroll(late(template, seconds), pool) };
}

function late(template: V1PodTemplateSpec, seconds: number): V1PodTemplateSpec {
  if (template.metadata?.labels?.['lab.role'] !== 'workload' || template.spec === undefined) return template;
  const delay = ['--delay', `${Math.round(seconds * 1e9)}ns`];
  const containers = template.spec.containers.map((one) => ({ ...one, args: [...(one.args ?? []), ...delay] }));
  return { ...template, spec: { ...template.spec, containers } };
}
