import { Counter, collectDefaultMetrics, Gauge, Histogram, type Registry } from 'prom-client';
import { numbers } from '../abi/numbers.ts';
import type { ClusterState } from '../cluster/cluster-state.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { dropReasons } from '../flow/drop-reason.ts';
import type { IdentityRegistry } from '../identities/identity-registry.ts';
import { counter, counterIndex } from '../maps/counter.ts';
import type { Datapath } from '../maps/datapath.ts';
import type { ServiceTable } from '../services/services.ts';

export type MetricsSources = {
  datapath: Datapath;
  endpoints: ReadonlyMap<string, Endpoint>;
  identities: IdentityRegistry;
  services: ServiceTable;
  state: ClusterState;
};

/** What the agent itself tells of what it does. */
export type AgentMetrics = {
  /** A request of the CNI plugin, from its line to its answer. */
  cni(command: string, succeeded: boolean, durationSeconds: number): void;
  /** Policy and addresses have been compared with the maps, and the maps changed. */
  reconciled(succeeded: boolean, durationSeconds: number): void;
  /** Sockets closed because their backend is gone. */
  closed(sockets: number): void;
};

const directions = Object.entries(numbers.direction);
const durations = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 10];

/**
 * Metrics of what the agent does, and of its process: `sidecarless_…` is this data plane's own; process and Node.js as
 * prom-client has them.
 */
export function agentMetrics(into: Registry): AgentMetrics {
  // By default the event loop's delay is measured a hundred times a second: three quarters of what an idle agent used.
  collectDefaultMetrics({ register: into, eventLoopMonitoringPrecision: 1000 });
  const registers = [into];
  const cni = new Histogram({
    name: 'sidecarless_cni_duration_seconds',
    help: 'Requests of the CNI plugin, from their arrival at the agent to its answer',
    labelNames: ['command', 'outcome'],
    buckets: durations,
    registers,
  });
  const reconciliations = new Counter({
    name: 'sidecarless_reconciliations_total',
    help: 'Times that policy and addresses were compared with the maps',
    labelNames: ['outcome'],
    registers,
  });
  const reconciliation = new Histogram({
    name: 'sidecarless_reconcile_duration_seconds',
    help: 'Comparing policy and addresses with the maps, and changing the maps',
    buckets: durations,
    registers,
  });
  const closed = new Counter({
    name: 'sidecarless_closed_sockets_total',
    help: 'Sockets closed because the backend of their service is gone',
    registers,
  });
  return {
    cni: (command, succeeded, seconds) => cni.observe({ command, outcome: outcome(succeeded) }, seconds),
    reconciled(succeeded, seconds) {
      reconciliations.inc({ outcome: outcome(succeeded) });
      reconciliation.observe(seconds);
    },
    closed: (sockets) => closed.inc(sockets),
  };
}

/**
 * Metrics of the node's datapath and of what is in it. `cilium_…` where Cilium has one that means the same, with its labels;
 * `sidecarless_…` is this data plane's own.
 */
export function nodeMetrics(into: Registry, sources: MetricsSources): void {
  datapathMetrics(into, sources.datapath);
  stateMetrics(into, sources);
}

function outcome(succeeded: boolean): string {
  return succeeded ? 'success' : 'failure';
}

/** What the programs count, read when it is asked for: it goes on over the agent's restarts. */
function datapathMetrics(into: Registry, { counters, shortcut }: Datapath): void {
  const read = (name: string, help: string, labelNames: readonly string[], collect: (one: Counter) => void): void => {
    new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers: [into],
      collect() {
        this.reset();
        collect(this);
      },
    });
  };
  for (const unit of ['packets', 'bytes'] as const) {
    const word = unit === 'packets' ? 'count' : 'bytes';
    read(`cilium_forward_${word}_total`, `Forwarded ${unit}`, ['direction'], (metric) => {
      for (const [direction, number] of directions) {
        metric.inc({ direction }, counter(counters, counterIndex(numbers.drop_reason.FORWARDED, number))[unit]);
      }
    });
    read(`cilium_drop_${word}_total`, `Dropped ${unit}`, ['reason', 'direction'], (metric) => {
      for (const [reason, { text }] of dropReasons) {
        for (const [direction, number] of directions) {
          const value = counter(counters, counterIndex(reason, number))[unit];
          if (value > 0) metric.inc({ reason: text, direction }, value);
        }
      }
    });
    const name = unit === 'packets' ? 'messages' : unit;
    read(`sidecarless_shortcut_${name}_total`, `${name} that went from socket to socket`, [], (metric) =>
      metric.inc(counter(shortcut, 0)[unit]),
    );
  }
}

function stateMetrics(into: Registry, { endpoints, identities, services, state }: MetricsSources): void {
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [into],
      collect() {
        this.set(value());
      },
    });
  };
  gauge('cilium_endpoint', 'Pods of this node with programs and policy', () => endpoints.size);
  gauge('cilium_identity', 'Identities of pods in the cluster', () => identities.all().length);
  gauge('cilium_policy', 'Policies that are enforced', () => state.policies().length);
  gauge('sidecarless_policies_with_problems', 'Policies that cannot be enforced as written, and fail closed', () => {
    return state.policies().filter(({ problems }) => problems.length > 0).length;
  });
  gauge('sidecarless_services', 'Services with programmed ports', () => services.size);
}
