import { closeSync } from 'node:fs';
import { acknowledgementOf } from './acknowledgement.ts';
import { u32 } from './attribute.ts';
import { libc, resultOf, systemError } from './libc.ts';
import { decodeMessages, encodeMessage } from './message.ts';

/** What is asked of the kernel: in words, for errors; by number; with which flags besides those of every request. */
export type Request = { what: string; type: number; flags: number; body: Uint8Array };

/** A conversation with the kernel about one network namespace (rtnetlink(7)). */
export type Netlink = {
  /**
   * Has something done, and returns when it is done.
   * @returns the bodies of what the kernel answers, if it does.
   * @throws NetlinkError where the kernel refuses.
   */
  request(request: Request): readonly Uint8Array[];
  /** The same by another thread, for what the kernel takes its time over. Until it is done nothing else may be asked. */
  requestAside(request: Request): Promise<readonly Uint8Array[]>;
  /**
   * The index of the link of a name (netdevice(7)): a request about it would wait for whoever changes any link at all.
   * @throws NetlinkError ENODEV when there is none of that name.
   */
  linkIndex(name: string): number;
  /** The number that BPF programs know the namespace by, of which no two ever have the same. */
  namespaceCookie(): bigint;
  close(): void;
};

const netlinkFamily = 16;
const rawSocket = 3;
const closeOnExec = 0o2000000;
const routeProtocol = 0;
const netlinkLevel = 270;
/** `NETLINK_CAP_ACK` and `NETLINK_EXT_ACK`: answers leave out the request, and say in words what was wrong with it. */
const options = [10, 11];
/** `SOL_SOCKET` and `SO_NETNS_COOKIE` */
const socketLevel = 1;
const namespaceCookie = 71;
/** `NLM_F_REQUEST` and `NLM_F_ACK` */
const alwaysFlags = 0x1 | 0x4;
const dontWait = 0x40;
/** `SIOCGIFINDEX` and `IFNAMSIZ` */
const getIndex = 0x8933;
const nameBytes = 16;
/** Far more than the kernel says of one link, some 2 KiB. */
const answerBytes = 16_384;

/** Opens a socket about the namespace that the calling thread is in; it stays with that one. */
export function openNetlink(): Netlink {
  const fd = resultOf('open a netlink socket', libc().socket(netlinkFamily, rawSocket | closeOnExec, routeProtocol));
  const netlink = conversation(fd);
  try {
    const on = u32(1);
    for (const option of options) {
      resultOf('set up a netlink socket', libc().setsockopt(fd, netlinkLevel, option, on, on.length));
    }
  } catch (error) {
    netlink.close();
    throw error;
  }
  return netlink;
}

function conversation(fd: number): Netlink {
  let sequence = 0;
  const next = ({ type, flags, body }: Request): Uint8Array => {
    sequence += 1;
    return encodeMessage({ type, flags: flags | alwaysFlags, sequence, body });
  };
  return {
    request(request) {
      const message = next(request);
      resultOf(request.what, libc().send(fd, message, message.length, 0));
      return answersTo(fd, request.what, sequence);
    },
    async requestAside(request) {
      const message = next(request);
      await sendAside(fd, request.what, message);
      return answersTo(fd, request.what, sequence);
    },
    linkIndex(name) {
      // struct ifreq: the name, ended by a zero, and what is answered.
      const interfaceRequest = Buffer.alloc(40);
      interfaceRequest.write(name.slice(0, nameBytes - 1));
      resultOf(`look at ${name}`, libc().ioctl(fd, getIndex, interfaceRequest));
      return interfaceRequest.readInt32LE(nameBytes);
    },
    namespaceCookie() {
      const cookie = Buffer.alloc(8);
      const what = 'ask for the network namespace’s cookie';
      resultOf(what, libc().getsockopt(fd, socketLevel, namespaceCookie, cookie, u32(cookie.length)));
      return cookie.readBigUInt64LE();
    },
    close: () => closeSync(fd),
  };
}

function sendAside(fd: number, what: string, message: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    libc().send.async(fd, message, message.length, 0, (failure, sent) => {
      try {
        if (failure !== null) throw failure;
        // Naming the message here is also what keeps it until now.
        if (resultOf(what, sent) !== message.length) throw new Error(`${what}: sent in part`);
        resolve();
      } catch (error) {
        reject(error);
      }
    });
  });
}

/** The kernel has done all, and answered, before sending returns: there is nothing to wait for. */
function answersTo(fd: number, what: string, sequence: number): Uint8Array[] {
  const answers: Uint8Array[] = [];
  for (;;) {
    const datagram = Buffer.allocUnsafe(answerBytes);
    const length = resultOf(what, libc().recv(fd, datagram, datagram.length, dontWait));
    for (const message of decodeMessages(datagram.subarray(0, length))) {
      // Answers that an earlier error left unread.
      if (message.sequence !== sequence) continue;
      const ended = acknowledgementOf(message);
      if (ended === null) answers.push(message.body);
      else if (ended.errno !== 0) throw systemError(what, ended.errno, ended.explanation);
      else return answers;
    }
  }
}
