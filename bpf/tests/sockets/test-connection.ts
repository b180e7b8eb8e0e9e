import type { TestNode } from './test-node.ts';
import type { TestPod } from './test-pod.ts';
import { connectTo, type Family, listenAt, type TestSocket } from './test-socket.ts';

/** Both ends of a TCP connection between two pods. */
export type Connection = { client: TestSocket; server: TestSocket; port: number };

/** Who is connected, how: the server listens on all addresses of both families. */
export type Ends = {
  from: TestPod;
  to: TestPod;
  family?: Family;
  /** The server's; by IPv4 where it isn't given. */
  address?: string;
  /** As in {@link TestSocket.setTimeout}, of both ends. */
  timeout?: number | null;
};

let nextPort = 3000;

/** Connects two pods. */
export async function connection({ from, to, family = 'AF_INET', address, timeout = 60 }: Ends): Promise<Connection> {
  const port = nextPort++;
  const listening = await listenAt(to.actor, 'AF_INET6', '::', port, timeout);
  const client = await connectTo(from.actor, family, address ?? to.v4, port, timeout);
  const server = await listening.accept();
  await listening.close();
  return { client, server, port };
}

/**
 * The same, and has each end say something that the other one reads: that may go by packets, which then have all been
 * read, so that what comes next can take the short-cut.
 */
export async function acquainted(ends: Ends): Promise<Connection> {
  const made = await connection(ends);
  await made.client.sendAll('hello');
  await made.server.recvExactly(5);
  await made.server.sendAll('hello');
  await made.client.recvExactly(5);
  return made;
}

/** What the short-cut and the links of some pods have carried while something was done, in bytes. */
export async function carriedWhile(
  node: TestNode,
  pods: readonly TestPod[],
  act: () => Promise<unknown>,
): Promise<{ shortcut: number; links: number }> {
  const links = async (): Promise<number> => {
    const each = await Promise.all(pods.map(({ link }) => node.linkBytes(link)));
    return each.reduce((a, b) => a + b, 0);
  };
  const before = { shortcut: node.maps.carried().bytes, links: await links() };
  await act();
  return { shortcut: node.maps.carried().bytes - before.shortcut, links: (await links()) - before.links };
}
