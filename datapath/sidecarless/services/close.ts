import { isIPv6 } from 'node:net';
import { exec } from '../../../clusters/exec.ts';

/** Which sockets of a network namespace: those that talk with `address`, at its `port` or with their own `localPort`. */
export type ClosedSockets = {
  /** Path of the network namespace. */
  netns: string;
  protocol: 'tcp' | 'udp';
  /** The remote one. */
  address: string;
  port?: number;
  localPort?: number;
  signal?: AbortSignal;
};

/**
 * Closes connected sockets at once: calls that wait on them fail with ECONNABORTED, and the other side gets a reset where
 * policy lets it pass. IPv4 addresses of IPv6 sockets are found too; datagram sockets without a fixed peer have nothing
 * to be closed.
 * @returns how many there were, which is 0 also where the kernel cannot (INET_DIAG_DESTROY).
 * @throws LabError LAB_EXEC_FAILED where the namespace is gone.
 */
export async function closeSockets({ address, port, localPort, ...where }: ClosedSockets): Promise<number> {
  const filter = [...peerFilter(address, port), ...(localPort === undefined ? [] : [`sport = :${localPort}`])];
  return (await ss(where, ['--kill'], filter)).length;
}

/** Of one of the sockets that {@link closeSockets} would close: the number that BPF programs know it by, and its own port. */
export type ListedSocket = { cookie: bigint; localPort: number };

/** Connected sockets, without closing them. @throws LabError as {@link closeSockets} does. */
export async function listSockets({ address, port, ...where }: ClosedSockets): Promise<ListedSocket[]> {
  const lines = await ss(where, ['--extended'], peerFilter(address, port));
  return lines.flatMap((line) => {
    // State (of all protocols alike), two queues, own address, the other's, and then what --extended adds.
    const localPort = /^\S+\s+\d+\s+\d+\s+\S+:(\d+)\s/.exec(line)?.[1];
    const cookie = /\bsk:([0-9a-f]+)/.exec(line)?.[1];
    return localPort === undefined || cookie === undefined
      ? []
      : [{ cookie: BigInt(`0x${cookie}`), localPort: Number(localPort) }];
  });
}

function peerFilter(address: string, port: number | undefined): string[] {
  const destination = isIPv6(address) ? `[${address}]` : address;
  return [`dst ${destination}`, ...(port === undefined ? [] : [`dport = :${port}`])];
}

/** @returns the lines that ss prints of the sockets that it finds. */
async function ss(
  { netns, protocol, signal }: Pick<ClosedSockets, 'netns' | 'protocol' | 'signal'>,
  flags: readonly string[],
  filter: readonly string[],
): Promise<string[]> {
  const command = ['ss', ...flags, '--no-header', '--numeric', `--${protocol}`, filter.join(' and ')];
  const options = signal === undefined ? {} : { signal };
  const { stdout } = await exec('nsenter', [`--net=${netns}`, '--', ...command], options);
  return stdout.split('\n').filter((line) => line.trim() !== '');
}
