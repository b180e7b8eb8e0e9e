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
export async function closeSockets({
  netns,
  protocol,
  address,
  port,
  localPort,
  signal,
}: ClosedSockets): Promise<number> {
  const destination = isIPv6(address) ? `[${address}]` : address;
  const filter = [
    `dst ${destination}`,
    ...(port === undefined ? [] : [`dport = :${port}`]),
    ...(localPort === undefined ? [] : [`sport = :${localPort}`]),
  ];
  const command = ['ss', '--kill', '--no-header', '--numeric', `--${protocol}`, filter.join(' and ')];
  const { stdout } = await exec(
    'nsenter',
    [`--net=${netns}`, '--', ...command],
    signal === undefined ? {} : { signal },
  );
  return stdout.split('\n').filter((line) => line.trim() !== '').length;
}
