import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1PodList } from '@kubernetes/client-node';
import type { Cluster, Pool } from '../../clusters/cluster.ts';
import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import { compare } from '../../results/rows.ts';
import type { Run } from '../../results/run.ts';
import type { Placement } from '../../results/vocabulary.ts';
import { findContainerCgroups } from '../probes/pod-cgroups.ts';
import { type Deployed, deployScenario } from '../run/deploy.ts';
import type { RunProgress } from '../run/interleave.ts';
import { withParameters } from '../run/parameters.ts';
import { dataPlaneOf } from '../run/plan.ts';
import { type RunOptions, runScenario } from '../run/run.ts';
import { type LoadedScenario, loadScenario } from '../run/scenario.ts';
import { exclusively, openOwnCluster } from '../session.ts';

/** A cluster on which tests make something go wrong, and runs that have to notice. */
export type Stage = {
  cluster: Cluster;
  scenario: LoadedScenario;
  /** One block of a second, but for what is changed. */
  shortRun(
    changes?: Partial<RunOptions> & { seconds?: number },
    progress?: RunProgress,
    of?: LoadedScenario,
  ): Promise<Run>;
  /** Deploys the scenario as a run does, to do something to it beforehand. */
  deployed(pool: Pool): Promise<Deployed>;
  /** The first process of the one container of that name, as the host numbers it; of the pods on `node`, if one is named. */
  processOf(namespace: string, container: string, node?: string): Promise<number>;
};

/** Opens a cluster that whoever calls takes down. */
export async function openStage(
  pools: readonly Pool[],
  { placements, signal }: { placements: readonly Placement[]; signal: AbortSignal },
): Promise<Stage> {
  const scenario = await loadScenario('latency');
  const context = { signal, progress: () => undefined };
  const cluster = await exclusively(() => openOwnCluster(pools, context));
  const { kube } = cluster;
  return {
    cluster,
    scenario,
    shortRun({ seconds = 1, ...changes } = {}, progress = () => undefined, of = scenario) {
      const options: RunOptions = { pools, profiles: ['l4', 'l7'], placements, blocks: 1, seed: 1, ...changes };
      const parameters = { seconds: [seconds], rate: [200], connections: [4] };
      return runScenario(cluster, withParameters(of, { parameters }), options, { signal, progress });
    },
    deployed(pool) {
      const within: DataPlaneContext = { kube, ...context };
      return deployScenario(within, { scenario, pool, dataPlane: dataPlaneOf(pool), placements });
    },
    async processOf(namespace, name, node) {
      const { items } = await kube.json<V1PodList>('GET', `/api/v1/namespaces/${namespace}/pods`, { signal });
      const there = items.filter(({ spec }) => node === undefined || spec?.nodeName === node);
      const [container] = findContainerCgroups(there, (_pod, container) => (container === name ? 'generator' : null));
      assert.ok(container?.directories, `${namespace} has a container ${name}`);
      const [pid = ''] = readFileSync(join(container.directories.cpu, 'cgroup.procs'), 'utf8').split('\n');
      return Number(pid);
    },
  };
}

/** The path was proven, whatever else a loaded machine did to the numbers. */
export function assertValidPath(run: Run, id: string): void {
  assert.deepEqual(measuredOf(run, id).verification.before.reasons, [], id);
}

/** Every path was proven, before, during and after. */
export function assertAllProven(run: Run): void {
  for (const { id, outcome } of run.testCases) {
    assert.equal(outcome.state, 'measured', id);
    if (outcome.state !== 'measured') continue;
    assert.deepEqual(outcome.verification.before.reasons, [], id);
    assert.deepEqual(outcome.verification.after?.reasons, [], id);
    assert.deepEqual(outcome.evidence.reasons, [], id);
  }
}

export function assertInvalid(run: Run, id: string, reason: RegExp): void {
  const rows = compare(run).rows.filter(({ testCase }) => id === testCase);
  assert.ok(rows.length > 0, `${id} has rows`);
  for (const row of rows) {
    assert.equal(row.valid, false, `${id} ${row.metric}`);
    assert.match(row.reason ?? '', reason);
  }
}

export function measuredOf(run: Run, id: string) {
  const outcome = run.testCases.find((testCase) => testCase.id === id)?.outcome;
  assert.ok(outcome?.state === 'measured', `${id}: ${outcome?.state}`);
  return outcome;
}
