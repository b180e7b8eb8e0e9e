import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { V1Pod } from '@kubernetes/client-node';
import { LabError } from '../../clusters/error.ts';
import type { Kube } from '../../clusters/kube/kube.ts';
import { nodePod } from '../../datapath/node-command.ts';

/** Where and what to listen to: packets of any of these addresses, except on ports that carry no test traffic. */
export type CaptureRequest = {
  namespace: string;
  node: string;
  /** `eth0` is the link between the nodes; `any` sees every veth of the node as well. */
  device: string;
  addresses: readonly string[];
  ignoredPorts: readonly number[];
};

/** A running capture. `stop` resolves with all packets once tcpdump has ended and said that it dropped none. */
export type Capture = { stop(): Promise<CapturedPacket[]> };

/**
 * One packet: when it passed (seconds since the epoch), from which address to which, how many bytes TCP carried in it, and
 * what tcpdump printed of it, the payload as printable ASCII.
 */
export type CapturedPacket = { at: number; source: string; destination: string; payloadBytes: number; text: string };

const startTimeoutSeconds = 20;
const stopTimeoutSeconds = 20;

/**
 * Starts tcpdump in a node's network namespace, by a pod of the host's network, and resolves when it listens.
 * What it prints is followed through the Kubernetes API, so that it works wherever pods do.
 * @throws LabError LAB_CAPTURE_FAILED when tcpdump does not start, or lost packets.
 */
export async function startCapture(kube: Kube, request: CaptureRequest, signal: AbortSignal): Promise<Capture> {
  const name = `capture-${randomBytes(4).toString('hex')}`;
  const path = `/api/v1/namespaces/${request.namespace}/pods`;
  const { namespace, node } = request;
  await kube.json('POST', path, { body: nodePod({ name, namespace, node, script: script(request) }), signal });
  const remove = (): Promise<unknown> => kube.json('DELETE', `${path}/${name}`);
  try {
    await kube.waitFor<V1Pod>(path, {
      signal,
      timeoutSeconds: startTimeoutSeconds,
      what: `a capture on node ${node}`,
      fieldSelector: `metadata.name=${name}`,
      condition: ([pod]) => pod?.status?.phase === 'Running' || pod?.status?.phase === 'Failed',
      describe: ([pod]) => JSON.stringify(pod?.status ?? 'no such pod'),
    });
    const response = await kube.request('GET', `${path}/${name}/log`, { query: { follow: 'true' }, signal });
    if (!response.ok || response.body === null) throw failed(node, await response.text());
    const output = new TcpdumpOutput(Readable.fromWeb(response.body));
    await output.listening(AbortSignal.any([signal, AbortSignal.timeout(startTimeoutSeconds * 1000)]), node);
    return {
      async stop() {
        await remove();
        return output.ended(AbortSignal.any([signal, AbortSignal.timeout(stopTimeoutSeconds * 1000)]), node);
      },
    };
  } catch (error) {
    await remove().catch(() => undefined);
    throw error;
  }
}

/** Splits `tcpdump -tt -A` output into packets; every packet begins with its time, payload lines follow. */
export function parsePackets(lines: readonly string[]): CapturedPacket[] {
  const packets: CapturedPacket[] = [];
  for (const line of lines) {
    const at = /^(\d{9,}\.\d{6}) /.exec(line)?.[1];
    const last = packets.at(-1);
    if (at !== undefined) packets.push({ at: Number(at), ...parseHeader(line), text: line });
    else if (last !== undefined) last.text += `\n${line}`;
  }
  return packets;
}

// `… IP 10.244.1.2.41000 > 10.244.2.2.8082: Flags [P.], seq 1:90, length 89: HTTP`; on device `any` the name of a device and
// a direction come first. A line of another form belongs to no traffic of ours.
function parseHeader(line: string): Pick<CapturedPacket, 'source' | 'destination' | 'payloadBytes'> {
  const found = / IP6? (\S+)\.\d+ > (\S+)\.\d+: Flags .*?, length (\d+)/.exec(line);
  const [, source = '', destination = '', length = '0'] = found ?? [];
  return { source, destination, payloadBytes: Number(length) };
}

function script({ device, addresses, ignoredPorts }: CaptureRequest): string {
  const hosts = addresses.map((address) => `host ${address}`).join(' or ');
  const ports = ignoredPorts.map((port) => ` and not port ${port}`).join('');
  // The snapshot length sets the size of a slot in the kernel's ring: whole segments would leave it a few dozen slots.
  return `exec tcpdump -Z root -i ${device} -n -tt -A -l -s 4096 -B 32768 --immediate-mode 'tcp and (${hosts})${ports}' 2>&1`;
}

/** Collects what tcpdump prints, and knows when it has begun and how it ended. */
class TcpdumpOutput {
  readonly #lines: string[] = [];
  readonly #end: Promise<void>;
  #onListening: () => void = () => undefined;
  readonly #started: Promise<void>;

  constructor(stream: Readable) {
    this.#started = new Promise((resolve) => {
      this.#onListening = resolve;
    });
    const reader = createInterface({ input: stream });
    reader.on('line', (line) => {
      this.#lines.push(line);
      if (line.includes('listening on ')) this.#onListening();
    });
    this.#end = new Promise((resolve) => reader.once('close', () => resolve()));
    stream.on('error', () => reader.close());
  }

  async listening(signal: AbortSignal, node: string): Promise<void> {
    const ended = this.#end.then(() => {
      throw failed(node, this.#lines.join('\n'));
    });
    await Promise.race([this.#started, ended, aborted(signal, () => failed(node, 'it did not begin to listen'))]);
    ended.catch(() => undefined);
  }

  async ended(signal: AbortSignal, node: string): Promise<CapturedPacket[]> {
    await Promise.race([this.#end, aborted(signal, () => failed(node, 'it did not end'))]);
    const dropped = /^(\d+) packets? dropped by kernel/m.exec(this.#lines.join('\n'))?.[1];
    if (dropped === undefined) throw failed(node, `it ended without its summary:\n${this.#lines.slice(-5).join('\n')}`);
    if (dropped !== '0') throw failed(node, `the kernel dropped ${dropped} packets before it saw them`);
    return parsePackets(this.#lines);
  }
}

function aborted(signal: AbortSignal, error: () => Error): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(error()), { once: true });
  });
}

function failed(node: string, what: string): LabError {
  return new LabError('LAB_CAPTURE_FAILED', {
    message: `tcpdump on node ${node}: ${what}`,
    remedy: 'Without a capture nothing can be said about encryption; look at the node with `lab kubectl get pods -A`.',
  });
}
