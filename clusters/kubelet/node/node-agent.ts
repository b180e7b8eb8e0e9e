import type { V1NodeCondition } from '@kubernetes/client-node';
import { ApiError } from '../../kube/api-error.ts';
import type { Kube } from '../../kube/kube.ts';
import { type CniDirectory, watchCniDirectory } from '../network/cni-directory.ts';
import { retry } from '../retry.ts';
import { nodeObject, nodeStatus } from './node-object.ts';
import { nodePath, type RuntimeNode } from './runtime-node.ts';

export type NodeAgentContext = {
  kube: Kube;
  kubelet: { address: string; port: number };
  images: readonly string[];
  log: (line: string) => void;
};

/** Kubelet's defaults: nodeStatusReportFrequency, nodeLeaseDurationSeconds. */
const statusPeriodMs = 5 * 60 * 1000;
const leaseSeconds = 40;

const reportDelays = { firstSeconds: 0.2, longestSeconds: 10 };

/** One node's part with the API: its object, its status, its lease. */
export class NodeAgent {
  readonly node: RuntimeNode;
  readonly cni: CniDirectory;
  readonly #context: NodeAgentContext;
  readonly #stopped = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #conditions: readonly V1NodeCondition[] = [];
  #uid = '';
  #reporting: Promise<void> = Promise.resolve();

  private constructor(node: RuntimeNode, cni: CniDirectory, context: NodeAgentContext, stopped: AbortController) {
    this.node = node;
    this.cni = cni;
    this.#context = context;
    this.#stopped = stopped;
    this.#timer = setInterval(() => this.#report(), statusPeriodMs);
    this.#timer.unref();
  }

  /** Registers the node; resolves when its status and lease are written. */
  static async start(node: RuntimeNode, context: NodeAgentContext): Promise<NodeAgent> {
    const stopped = new AbortController();
    let changed = (): void => undefined;
    const cni = await watchCniDirectory(nodePath(node, '/etc/cni/net.d'), {
      signal: stopped.signal,
      onChange: () => changed(),
    });
    const agent = new NodeAgent(node, cni, context, stopped);
    await agent.#register();
    changed = () => agent.#report();
    agent.#report();
    await Promise.all([agent.#reporting, agent.renewLease()]);
    return agent;
  }

  /** Says that the node is alive. Called every ten seconds for all nodes at once, so that an idle machine sleeps. */
  async renewLease(): Promise<void> {
    const { name } = this.node;
    const path = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    const renewTime = new Date().toISOString().replace('Z', '000Z');
    const response = await this.#context.kube.request('PATCH', `${path}/${name}`, {
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { spec: { renewTime } },
    });
    await response.text();
    if (response.status !== 404) return;
    await this.#context.kube.json('POST', path, {
      body: {
        metadata: { name, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid: this.#uid }] },
        spec: { holderIdentity: name, leaseDurationSeconds: leaseSeconds, renewTime },
      },
    });
  }

  /** Takes the node out of the API; its pods are gone by then. */
  async remove(): Promise<void> {
    this.#stopped.abort();
    clearInterval(this.#timer);
    await this.#reporting;
    await this.#context.kube.delete([{ apiVersion: 'v1', kind: 'Node', metadata: { name: this.node.name } }]);
  }

  async #register(): Promise<void> {
    const { kube } = this.#context;
    const object = nodeObject(this.node);
    try {
      const created = await kube.json<{ metadata: { uid: string } }>('POST', '/api/v1/nodes', { body: object });
      this.#uid = created.metadata.uid;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409) throw error;
      const patched = await kube.json<{ metadata: { uid: string } }>('PATCH', `/api/v1/nodes/${this.node.name}`, {
        headers: { 'content-type': 'application/merge-patch+json' },
        body: { metadata: { labels: object.metadata?.labels } },
      });
      this.#uid = patched.metadata.uid;
    }
  }

  /** Writes the status, one report after the other; a failed one is repeated. */
  #report(): void {
    this.#reporting = this.#reporting.then(() =>
      retry(() => this.#writeStatus(), {
        delays: reportDelays,
        onFailure: ({ message }) => this.#context.log(`node ${this.node.name}: status not written: ${message}`),
      }),
    );
  }

  async #writeStatus(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    const status = nodeStatus({
      node: this.node,
      kubelet: this.#context.kubelet,
      networkReady: this.cni.current() !== null,
      images: this.#context.images,
      previous: this.#conditions,
      now: new Date(),
    });
    this.#conditions = status.conditions ?? [];
    await this.#context.kube.json('PATCH', `/api/v1/nodes/${this.node.name}/status`, {
      headers: { 'content-type': 'application/strategic-merge-patch+json' },
      body: { status },
    });
  }
}
