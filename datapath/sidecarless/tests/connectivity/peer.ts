import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

const program = readFileSync(join(import.meta.dirname, 'peer.py'), 'utf8');

/** The command of a peer: a server on these ports of both protocols, that takes orders by a socket. */
export function peerCommand(socket: string, ports: readonly number[]): string[] {
  return ['python3', '-c', program, socket, ...ports.map(String)];
}

/** One connection, datagram or echo request that a peer is to send. `source` is an address of its own, or null. */
export type Probe = {
  protocol: 'TCP' | 'UDP' | 'ICMP';
  address: string;
  port: number;
  /** Bytes of the datagram. */
  size: number;
  source: string | null;
  /** Whether the server says something first, as peers do. */
  greets: boolean;
  /** Seconds until it is taken to be dropped. */
  patience: number;
};

/** `end` is one of peer.py's words; `seen` is the client's address as the server has it. */
export const Probed = z.strictObject({ end: z.string(), seen: z.string().nullable(), port: z.int() });
export type Probed = z.infer<typeof Probed>;

/** A connection that a peer keeps open, and how often it was answered on it. */
export const Held = z.strictObject({ name: z.string(), exchanges: z.int(), failure: z.string().nullable() });
export type Held = z.infer<typeof Held>;

/** Sends all of them at once. */
export async function probe(socket: string, attempts: readonly Probe[]): Promise<Probed[]> {
  return z.array(Probed).parse(await order(socket, { call: 'probe', attempts }));
}

export async function hold(
  socket: string,
  targets: readonly { name: string; address: string; port: number }[],
): Promise<void> {
  await order(socket, { call: 'hold', targets });
}

export async function held(socket: string): Promise<Held[]> {
  return z.array(Held).parse(await order(socket, { call: 'held' }));
}

const startSeconds = 20;

async function order(path: string, request: object): Promise<unknown> {
  const deadline = Date.now() + startSeconds * 1000;
  for (;;) {
    try {
      const socket = connect({ path });
      socket.write(`${JSON.stringify(request)}\n`);
      return JSON.parse(await text(socket));
    } catch (error) {
      // It may be starting.
      const { code = '' } = error as NodeJS.ErrnoException;
      if (!['ENOENT', 'ECONNREFUSED'].includes(code) || Date.now() > deadline) throw error;
      await delay(50);
    }
  }
}
