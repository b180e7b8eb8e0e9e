import type { Actor } from './test-actor.ts';

/** An address and a port as a program sees them. */
export type Place = { address: string; port: number };

/** What sending or receiving much of the pattern came to; `error` is an errno's name. */
export type Transfer = { bytes: number; digest: number; seconds: number; error: string | null };

/** A socket of a program in a pod. Calls that fail throw SocketError; data is text of which each character is a byte. */
export type TestSocket = {
  readonly fd: number;
  bind(address: string, port: number): Promise<void>;
  listen(): Promise<void>;
  accept(): Promise<TestSocket & { peer: Place }>;
  /** Does not throw: how it ended, and how long it took. */
  connect(address: string, port: number): Promise<{ error: string | null; seconds: number }>;
  send(data: string, ...flags: string[]): Promise<number>;
  sendAll(data: string): Promise<void>;
  recv(size?: number, ...flags: string[]): Promise<string>;
  recvExactly(size: number): Promise<string>;
  sendTo(data: string, address: string, port: number): Promise<number>;
  recvFrom(): Promise<Place & { data: string }>;
  peerName(): Promise<Place>;
  name(): Promise<Place>;
  shutdown(how: 'SHUT_RD' | 'SHUT_WR' | 'SHUT_RDWR'): Promise<void>;
  close(): Promise<void>;
  setOption(level: string, name: string | number, value: number | readonly number[]): Promise<void>;
  option(level: string, name: string | number): Promise<number>;
  /** In seconds; 0 never waits, null makes a socket that blocks. All others don't: the program polls them. */
  setTimeout(timeout: number | null): Promise<void>;
  poll(events: readonly string[], timeoutMs: number): Promise<string[]>;
  sendPattern(size: number, chunk?: number): Promise<Transfer>;
  recvDigest(size: number, chunk?: number, pauseSeconds?: number): Promise<Transfer & { reads: number }>;
  /** Any other call of test-actor.py. */
  call<T>(name: string, parameters?: object): Promise<T>;
  /** One that goes on until the program ends. */
  begin(name: string, parameters?: object): void;
};

export type Family = 'AF_INET' | 'AF_INET6';

export async function makeSocket(
  actor: Actor,
  family: Family,
  type: 'SOCK_STREAM' | 'SOCK_DGRAM' = 'SOCK_STREAM',
  protocol = 0,
  timeout: number | null = 60,
): Promise<TestSocket> {
  return socketOf(actor, await actor.call<number>('socket', { family, type, protocol, timeout }));
}

/** A TCP socket that listens. */
export async function listenAt(
  actor: Actor,
  family: Family,
  address: string,
  port: number,
  timeout: number | null = 60,
): Promise<TestSocket> {
  const socket = await makeSocket(actor, family, 'SOCK_STREAM', 0, timeout);
  await socket.bind(address, port);
  await socket.listen();
  return socket;
}

/** A TCP socket that is connected. @throws Error where it could not be. */
export async function connectTo(
  actor: Actor,
  family: Family,
  address: string,
  port: number,
  timeout: number | null = 60,
): Promise<TestSocket> {
  const socket = await makeSocket(actor, family, 'SOCK_STREAM', 0, timeout);
  const { error } = await socket.connect(address, port);
  if (error !== null) throw new Error(`connecting to ${address} port ${port}: ${error}`);
  return socket;
}

function socketOf(actor: Actor, fd: number): TestSocket {
  const call = <T>(name: string, parameters: object = {}): Promise<T> => actor.call<T>(name, { fd, ...parameters });
  return {
    fd,
    call,
    begin: (name, parameters = {}) => actor.begin(name, { fd, ...parameters }),
    bind: (address, port) => call('bind', { address, port }),
    listen: () => call('listen'),
    async accept() {
      const { fd: accepted, ...peer } = await call<Place & { fd: number }>('accept');
      return { ...socketOf(actor, accepted), peer };
    },
    connect: (address, port) => call('connect', { address, port }),
    send: (data, ...flags) => call('send', { data, flags }),
    sendAll: (data) => call('sendall', { data }),
    recv: (size = 65536, ...flags) => call('recv', { size, flags }),
    recvExactly: (size) => call('recv_exactly', { size }),
    sendTo: (data, address, port) => call('sendto', { data, address, port }),
    recvFrom: () => call('recvfrom'),
    peerName: () => call('getpeername'),
    name: () => call('getsockname'),
    shutdown: (how) => call('shutdown', { how }),
    close: () => call('close'),
    setOption: (level, name, value) => call('setsockopt', { level, name, value }),
    option: (level, name) => call('getsockopt', { level, name }),
    setTimeout: (timeout) => call('set_timeout', { timeout }),
    poll: (events, timeoutMs) => call('poll', { events, timeout_ms: timeoutMs }),
    sendPattern: (size, chunk = 65536) => call('send_pattern', { size, chunk }),
    recvDigest: (size, chunk = 65536, pauseSeconds = 0) =>
      call('recv_digest', { size, chunk, pause_seconds: pauseSeconds }),
  };
}
