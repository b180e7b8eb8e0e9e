import { decodeAttributes } from './attribute.ts';
import { headerBytes, type Message } from './message.ts';

/** How a request ended: `errno` is 0 where it was done, `explanation` what the kernel says besides, empty for nothing. */
export type Acknowledgement = { errno: number; explanation: string };

/** `NLMSG_ERROR`, which is also how success is told. */
const errorType = 2;
/** `NLM_F_ACK_TLVS`: attributes follow. */
const hasAttributes = 0x200;
/** `NLMSGERR_ATTR_MSG` */
const explanationAttribute = 1;

/** What a message acknowledges; null for one that answers. The request itself is not repeated (`NETLINK_CAP_ACK`). */
export function acknowledgementOf({ type, flags, body }: Message): Acknowledgement | null {
  if (type !== errorType) return null;
  const errno = Math.abs(Buffer.from(body.buffer, body.byteOffset, body.byteLength).readInt32LE(0));
  const attributes = decodeAttributes(flags & hasAttributes ? body.subarray(4 + headerBytes) : new Uint8Array());
  const explanation = Buffer.from(attributes.get(explanationAttribute) ?? []).toString();
  return { errno, explanation: explanation.replace(/\0.*$/s, '') };
}
