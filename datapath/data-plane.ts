import type { KubernetesObject, V1Node, V1Pod, V1PodTemplateSpec } from '@kubernetes/client-node';
import type { Pool } from '../clusters/cluster.ts';
import type { ImageSource } from '../clusters/images/image-source.ts';
import type { Kube } from '../clusters/kube/kube.ts';
import type { Artefact } from '../clusters/tools/artefact.ts';
import type { Encryption, Placement, Profile, Role } from '../results/vocabulary.ts';
import type { FlowLine, FlowQuery } from './flow-query.ts';
import type { PolicyAnswer, PolicyQuestion } from './policy-question.ts';

/** What of a test case a data plane has a say in. `variant` is a switch of the data plane's own, null where it has none. */
export type Mode = { profile: Profile; encryption: Encryption; variant: string | null };

/** One row of the experiment on one pool. `port` is the workload Service's port that this mode is served on. */
export type TestCase = Mode & { pool: Pool; placement: Placement; port: number };

/** What a data plane is given to do its work. */
export type DataPlaneContext = { kube: Kube; signal: AbortSignal; progress: (message: string) => void };

/** What of a running cluster a data plane's objects depend on: the API server's own address (a URL), and all nodes. */
export type ClusterFacts = { server: string; nodes: readonly V1Node[] };

/**
 * Monotonic counters by name, read from the data plane itself. Null is one that was not found where it should be: it proves
 * nothing, and speaks against what it belongs to, whether it had to move or must not.
 */
export type Evidence = Record<string, number | null>;

/** What was sent through a test case between two readings of its evidence, as the generator counted it. */
export type Traffic = { requests: number; connections: number; bytesSent: number; bytesReceived: number };

/**
 * What one counter must have grown by, and the claim that this proves. `between` for counters that include more, of which is
 * known how much at the most; `atLeast` where nobody knows; `sameAs` another counter, where what both count follows from
 * the data plane and not from the traffic alone: that other one may move by however much.
 */
export type Expectation = { counter: string; claim: string } & (
  | { exactly: number }
  | { atLeast: number }
  | { between: readonly [least: number, most: number] }
  | { sameAs: string }
);

/** What proxies add to each request, and to each answer, on their way to the end that gets it: least and most, in bytes. */
export type AddedBytes = {
  request: readonly [least: number, most: number];
  answer: readonly [least: number, most: number];
};

export type Support = { supported: true } | { supported: false; reason: string };

/**
 * A contender: adding one means adding one folder and one line in `data-planes.ts`, and nothing else anywhere. All that is
 * known of it outside its folder is this value: clusters are handed what it brings (`programs`, `images`), runs do the rest
 * through its functions. What several share is in rooms beside it: `base-network/`, `envoy/` and `envoy/mesh/`.
 */
export type DataPlane = {
  readonly id: string;
  /** One line for `lab list`. */
  readonly summary: string;
  /** The modes that this data plane can run, in the order in which they are shown. */
  readonly modes: readonly Mode[];
  /** What every result of this data plane must say beside it (a switched-off allow-list, say). */
  caveats(mode: Mode): readonly string[];
  supports(mode: Mode & { placement: Placement }): Support;
  /**
   * Programs that it brings, each with its sources and how they are built. They are made before a cluster starts, kept in
   * the cache, and made anew when a source changes. Several data planes may bring the same.
   */
  readonly programs: readonly Artefact[];
  /**
   * Images that its pods and those that it enrolls name, made of these programs; `lab/node-tools` is on every cluster, and
   * need not be brought. Several data planes may bring the same.
   */
  readonly images: readonly ImageSource[];
  /**
   * The Kubernetes objects that `install` applies for a pool, in their order. Pure. What is made once and then stays, such
   * as the key of an authority, is not among them.
   */
  objects(pool: Pool, facts: ClusterFacts): readonly KubernetesObject[];
  /** Installs into the pool's nodes only, and resolves when it is ready to carry traffic. Idempotent. */
  install(context: DataPlaneContext, pool: Pool): Promise<void>;
  /** What an injector does: puts a pod template on the data plane. Pure; the input is not changed. */
  enroll(template: V1PodTemplateSpec, pool: Pool): V1PodTemplateSpec;
  /** Resolves when the data plane has accepted the configuration of all enrolled pods. */
  ready(context: DataPlaneContext, pool: Pool): Promise<void>;
  /** Switches the data plane to a test case's variant, before its requests are sent; absent where there are no variants. */
  prepare?(context: DataPlaneContext, testCase: TestCase): Promise<void>;
  /** Whether the data of a test case goes past every link, by a short-cut that has counters of its own. */
  bypassesLinks?(testCase: TestCase): boolean;
  /** Counters of every hop that traffic of this test case could take: those it should, and those it should not. */
  evidence(context: DataPlaneContext, testCase: TestCase): Promise<Evidence>;
  /** What the counters must show for that traffic. A counter that is not named here must not move. */
  expected(testCase: TestCase, traffic: Traffic): readonly Expectation[];
  /** What it adds to HTTP on its way; absent where nobody on the way rewrites anything. */
  addedBytes?(mode: Mode): AddedBytes | null;
  /** The client address that the workload sees: the generator's own pod address, or a fixed one of a proxy. */
  clientAddress(testCase: TestCase, generator: V1Pod): string;
  /** Whose CPU a container's time is; null leaves it to the pod's label `lab.role`. */
  role(pod: V1Pod, container: string): Role | null;
  /**
   * Tells of the flows that the pool's nodes see, each node's in their order; absent where nobody looks. Resolves when all
   * are told, or, of a query that follows, when the signal aborts: what breaks meanwhile is told, and tried again.
   */
  flows?(context: DataPlaneContext, pool: Pool, query: FlowQuery, tell: (line: FlowLine) => void): Promise<void>;
  /** Says what becomes of a connection of a pod of the pool, from what is in force; absent where there is no policy. */
  tracePolicy?(context: DataPlaneContext, pool: Pool, question: PolicyQuestion): Promise<PolicyAnswer>;
  remove(context: DataPlaneContext, pool: Pool): Promise<void>;
};
