import { join } from 'node:path';
import type { V1Pod, V1PodList, V1Service } from '@kubernetes/client-node';
import type { Cluster, Pool } from '../../clusters/cluster.ts';
import { LabError } from '../../clusters/error.ts';
import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import { methodologyVersion } from '../../results/methodology.ts';
import { random, shuffled } from '../../results/random.ts';
import { idle, newRunId, type Run, schemaVersion } from '../../results/run.ts';
import type { Placement, Profile, Role } from '../../results/vocabulary.ts';
import type { BlockRequest } from '../load/generator.ts';
import { areCurrent, type ContainerCgroup, findContainerCgroups } from '../probes/pod-cgroups.ts';
import { type Deployed, deployScenario } from './deploy.ts';
import { describeCommit, describeHost, describeVersions } from './host.ts';
import { measureBlock, measureIdle } from './measure.ts';
import { missedRate } from './missed-rate.ts';
import { dataPlaneOf, type PlannedCase, planTestCases } from './plan.ts';
import { Recorder } from './recorder.ts';
import type { LoadedScenario } from './scenario.ts';
import { verifyAll } from './verify-all.ts';

/** What a run is asked to be. Seconds are of one measured window; the rate is in requests per second. */
export type RunOptions = {
  pools: readonly Pool[];
  profiles: readonly Profile[];
  placements: readonly Placement[];
  blocks: number;
  seconds: number;
  rate: number;
  connections: number;
  seed: number;
};

/** What happens now, for whoever watches: a step, and how long the rest will take where that is known. */
export type RunProgress = (step: string, secondsLeft: number | null) => void;

/** Length of the window without load in each pass. */
const idleSeconds = 1;

/** What a block takes beside its warm-up and its window: the generator's start and the reading of counters. */
const blockOverheadSeconds = 0.8;

/**
 * Runs one scenario on a cluster whose data planes are installed: deploys it, verifies every test case, measures it in
 * interleaved blocks, and verifies it again. What it measured until an interruption is returned as well.
 */
export async function runScenario(
  cluster: Cluster,
  scenario: LoadedScenario,
  options: RunOptions,
  { signal, progress }: { signal: AbortSignal; progress: RunProgress },
): Promise<Run> {
  const startedAt = new Date();
  const context: DataPlaneContext = { kube: cluster.kube, signal, progress: (message) => progress(message, null) };
  const cases = planTestCases(scenario, options);
  const recorder = new Recorder(cases);
  let status: Run['status'] = { state: 'finished' };
  try {
    const deployed = await deployAll(context, scenario, options);
    const runnable = cases.filter(({ skipped }) => skipped === null);
    progress('verifying every path', null);
    await verifyAll(context, runnable, deployed, recorder);
    const proven = runnable.filter(({ id }) => recorder.proven(id));
    await measureAll(context, { scenario, options, runnable: proven, deployed, recorder }, progress);
    progress('verifying every path once more', null);
    await verifyAll(context, runnable, deployed, recorder);
  } catch (error) {
    if (signal.aborted) status = { state: 'interrupted' };
    else if (recorder.measuredAnything()) status = { state: 'failed', reason: (error as Error).message };
    else throw error;
  }
  if (status.state === 'interrupted' && !recorder.measuredAnything()) signal.throwIfAborted();
  return {
    schemaVersion,
    methodologyVersion,
    id: newRunId(scenario.name, startedAt),
    scenario: scenario.name,
    startedAt: startedAt.toISOString(),
    finishedAt: new Date().toISOString(),
    status,
    options: {
      planes: options.pools.map(({ name, dataPlane }) => ({ name, dataPlane })),
      profiles: [...options.profiles],
      placements: [...options.placements],
      blocks: options.blocks,
      seconds: options.seconds,
      warmupSeconds: scenario.load.warmupSeconds,
      rate: options.rate,
      connections: options.connections,
      seed: options.seed,
      cluster: cluster.kind,
    },
    host: describeHost(),
    versions: await describeVersions(),
    ...(await describeCommit(join(import.meta.dirname, '..', '..'))),
    caveats: [],
    generator: scenario.load.generator,
    ...recorder.record(),
  };
}

async function deployAll(
  context: DataPlaneContext,
  scenario: LoadedScenario,
  { pools, placements }: RunOptions,
): Promise<ReadonlyMap<string, Deployed>> {
  const entries = await Promise.all(
    pools.map(async (pool) => {
      const dataPlane = dataPlaneOf(pool);
      return [pool.name, await deployScenario(context, { scenario, pool, dataPlane, placements })] as const;
    }),
  );
  return new Map(entries);
}

async function measureAll(
  context: DataPlaneContext,
  {
    scenario,
    options,
    runnable,
    deployed,
    recorder,
  }: {
    scenario: LoadedScenario;
    options: RunOptions;
    runnable: readonly PlannedCase[];
    deployed: ReadonlyMap<string, Deployed>;
    recorder: Recorder;
  },
  progress: RunProgress,
): Promise<void> {
  const subjects = new Map<string, Subject>();
  for (const pool of options.pools) subjects.set(pool.name, await findSubject(context, pool, deployed));
  const numbers = random(options.seed);
  const { warmupSeconds } = scenario.load;
  const blockSeconds = warmupSeconds + options.seconds + blockOverheadSeconds;
  for (let pass = 0; pass < options.blocks; pass++) {
    const going = runnable.map(({ id }) => id).filter((id) => !recorder.isStopped(id));
    if (going.length === 0) break;
    const turns = shuffled([idle, ...going], numbers);
    recorder.passBegins(turns);
    let left = (idleSeconds + going.length * blockSeconds) * (options.blocks - pass);
    for (const turn of turns) {
      const planned = runnable.find(({ id }) => id === turn);
      progress(`block ${pass + 1} of ${options.blocks}: ${turn}`, left);
      if (planned === undefined) {
        recorder.idled(pass, await measureIdle(idleSeconds, context.signal));
        left -= idleSeconds;
        continue;
      }
      try {
        const subject = await currentSubject(context, planned.testCase.pool, deployed, subjects);
        const load = loadOf(scenario, options, subject.clusterIp, planned.testCase.port);
        const measured = await measureBlock(context, { planned, ...subject, load });
        recorder.measured(planned.id, pass, measured);
        const missed = missedRate(measured.result);
        if (missed !== null) recorder.stopped(planned.id, `It was stopped after block ${pass + 1}: ${missed}`);
      } catch (error) {
        // What one test case cannot carry is its own outcome; the others go on.
        if (!(error instanceof LabError) || context.signal.aborted) throw error;
        recorder.stopped(planned.id, `It was stopped because block ${pass + 1} failed: ${error.message}`);
      }
      left -= blockSeconds;
    }
  }
}

/** What is known of a pool, looked up anew when one of its containers is no longer the one that was found. */
async function currentSubject(
  context: DataPlaneContext,
  pool: Pool,
  deployed: ReadonlyMap<string, Deployed>,
  subjects: Map<string, Subject>,
): Promise<Subject> {
  const known = subjects.get(pool.name);
  if (known !== undefined && areCurrent(known.containers)) return known;
  const found = await findSubject(context, pool, deployed);
  subjects.set(pool.name, found);
  return found;
}

type Subject = { deployed: Deployed; clusterIp: string; containers: readonly ContainerCgroup[] };

/** What blocks on a pool need to know: its pods, the Service's address, and the cgroups to read. */
async function findSubject(
  { kube, signal }: DataPlaneContext,
  pool: Pool,
  deployed: ReadonlyMap<string, Deployed>,
): Promise<Subject> {
  const there = deployed.get(pool.name);
  if (there === undefined) throw new Error(`pool ${pool.name} was not deployed`);
  const [service, ...lists] = await Promise.all([
    kube.json<V1Service>('GET', `/api/v1/namespaces/${pool.namespace}/services/workload`, { signal }),
    kube.json<V1PodList>('GET', `/api/v1/namespaces/${pool.namespace}/pods`, { signal }),
    kube.json<V1PodList>('GET', `/api/v1/namespaces/${pool.systemNamespace}/pods`, { signal }),
  ]);
  const dataPlane = dataPlaneOf(pool);
  const roleOf = (pod: V1Pod, container: string): Role | null =>
    dataPlane.role(pod, container) ?? (pod.metadata?.labels?.['lab.role'] as Role | undefined) ?? null;
  const pods = lists.flatMap(({ items }) => items);
  return {
    deployed: there,
    clusterIp: service.spec?.clusterIP ?? '',
    containers: findContainerCgroups(pods, roleOf),
  };
}

function loadOf(scenario: LoadedScenario, options: RunOptions, clusterIp: string, port: number): BlockRequest {
  return {
    script: scenario.load.script,
    url: `http://${clusterIp}:${port}/?bytes=${scenario.responseBytes}`,
    rate: options.rate,
    connections: options.connections,
    warmupSeconds: scenario.load.warmupSeconds,
    durationSeconds: options.seconds,
    timeoutSeconds: scenario.load.requestTimeoutSeconds,
    bodyBytes: scenario.responseBytes,
  };
}
