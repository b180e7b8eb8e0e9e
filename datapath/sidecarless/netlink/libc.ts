import koffi from 'koffi/indirect';
import { NetlinkError } from './netlink-error.ts';

/** What of the C library is used, as its manual pages declare it. Results below zero are errors: see {@link check}. */
export type Libc = {
  socket(domain: number, type: number, protocol: number): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, length: number): number;
  getsockopt(fd: number, level: number, option: number, value: Uint8Array, length: Uint8Array): number;
  send: {
    (fd: number, data: Uint8Array, length: number, flags: number): number;
    /** In another thread. The data must outlive the call: what `done` refers to does. */
    async(fd: number, data: Uint8Array, length: number, flags: number, done: Done): void;
  };
  recv(fd: number, data: Uint8Array, length: number, flags: number): number;
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  setns(fd: number, type: number): number;
  strerror(errno: number): string;
};

/** Is given the result of a call that another thread has made, and {@link check} knows of its error until it returns. */
type Done = (failure: unknown, result: number) => void;

let loaded: Libc | null = null;

/** The C library that Node itself runs on. Calls are made by the thread that asks, but for those that are `async`. */
export function libc(): Libc {
  loaded ??= load();
  return loaded;
}

/**
 * The result of a call, if it is no error.
 * @throws NetlinkError in the words of strerror(3).
 */
export function resultOf(what: string, result: number): number {
  if (result >= 0) return result;
  throw systemError(what, koffi.errno());
}

/** @param explanation what else is known of it; empty where nothing is. */
export function systemError(what: string, errno: number, explanation = ''): NetlinkError {
  const code = Object.entries(koffi.os.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
  const words = libc().strerror(errno);
  return new NetlinkError(code, `${what}: ${explanation === '' ? words : `${words} (${explanation})`}`);
}

function load(): Libc {
  const library = koffi.load('libc.so.6');
  const of = (declaration: string) => library.func(declaration) as never;
  return {
    socket: of('int socket(int domain, int type, int protocol)'),
    setsockopt: of('int setsockopt(int fd, int level, int option, const void *value, uint32_t length)'),
    getsockopt: of('int getsockopt(int fd, int level, int option, void *value, void *length)'),
    send: of('long send(int fd, const void *data, size_t length, int flags)'),
    recv: of('long recv(int fd, void *data, size_t length, int flags)'),
    ioctl: of('int ioctl(int fd, unsigned long request, void *argument)'),
    setns: of('int setns(int fd, int type)'),
    strerror: of('const char *strerror(int errno)'),
  };
}
