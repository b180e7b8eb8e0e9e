import type { V1Pod } from '@kubernetes/client-node';
import { z } from 'zod';
import type { AddedBytes, DataPlaneContext, Expectation } from '../../datapath/data-plane.ts';
import type { LoadResult, Traffic } from '../../results/block.ts';
import type { EvidenceCheck } from '../../results/evidence-record.ts';
import type { ParameterValue, Work } from '../../results/measurement.ts';

/** The workload gives no longer answers. */
export const longestAnswerBytes = 16 * 1024 ** 2;

/** Nothing is heard of a generator while it measures, and an answer that is silent for 300 s counts as broken off. */
export const longestWindowSeconds = 240;

/** Parameters that every kind of measurement has. */
export const CommonParameters = z.strictObject({
  /** Sent before the window, with nothing measured. */
  warmupSeconds: z.number().nonnegative(),
  /** Length of the measured window of one block. */
  seconds: z.number().positive().max(longestWindowSeconds),
  /** Services that the cluster holds beside its own. Each value is a stage of the run: making them takes minutes. */
  services: z.int().nonnegative().default(0),
});

/** Where load comes from and goes to: a generator's pod, and one port of the workload's Service. */
export type Target = { generator: V1Pod; host: string; port: number };

/** Who is told when the measured window begins and ends, at that moment. */
export type Window = { onBegin: () => void; onEnd: () => void };

/**
 * What was sent, as the generator counted it, and what its own protocol may have sent besides; null where it counts all.
 * `arrived`: counters of the far end where that is the driver's own and not the workload.
 */
export type Sent = { traffic: Traffic; besides: Traffic | null; arrived: Record<string, number> };

/** A few answers, with a word in what was sent that a capture can look for, and what the answers themselves must show. */
export type Probed = Sent & { answers: readonly EvidenceCheck[] };

/** One kind of measurement: how load of it is sent, and what comes of it. `P` are the parameters of one test case. */
export type DriverOf<P> = {
  readonly kind: string;
  /** Of one test case. A scenario may give several values for each: every combination is a test case. */
  readonly parameters: z.ZodObject & z.ZodType<P>;
  /** Names of the metrics that its blocks fill, the one that answers the question first. */
  readonly metrics: readonly [string, ...string[]];
  /** What its rate counts. */
  readonly work: Work;
  /** The program that sends, as results name it. */
  generator(parameters: P): string;
  /** What one block takes, but for what the run loop itself does around it. */
  blockSeconds(parameters: P): number;
  /** Whether its sockets block, in the kernel's sense: such take no part in a short-cut past the links. */
  readonly blocks: boolean;
  /** Files that every generator's pod is given, by name. */
  readonly files: Readonly<Record<string, () => Promise<string>>>;
  /**
   * Sends one block.
   * @throws GeneratorError LAB_GENERATOR_FAILED with what the generator said.
   */
  send(
    context: DataPlaneContext,
    target: Target,
    parameters: P,
    window: Window,
  ): Promise<LoadResult & Pick<Sent, 'arrived'>>;
  /** Sends little, for the path to be proven. `client` is the address that the workload must see. */
  probe(context: DataPlaneContext, target: Target, expected: { word: string; client: string }): Promise<Probed>;
  /**
   * What must have arrived at the far end for that traffic, of which proxies on the way add so much to each request and answer;
   * null where none does. A counter that is not named must not have moved.
   */
  arrivals(traffic: Traffic, added: AddedBytes | null): readonly Expectation[];
};

/** A driver as the run loop has it, which knows no kind: parameters are checked where they come in. */
export type Driver = DriverOf<Readonly<Record<string, ParameterValue>>>;

/** Makes a driver of one kind fit for the run loop. */
export function driver<P>(of: DriverOf<P>): Driver {
  return {
    ...of,
    parameters: of.parameters as unknown as Driver['parameters'],
    generator: (parameters) => of.generator(of.parameters.parse(parameters)),
    blockSeconds: (parameters) => of.blockSeconds(of.parameters.parse(parameters)),
    send: (context, target, parameters, window) => of.send(context, target, of.parameters.parse(parameters), window),
  };
}
