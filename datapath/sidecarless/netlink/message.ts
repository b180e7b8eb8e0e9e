import { aligned } from './attribute.ts';

/** One message of netlink(7): what it is about by number, the socket's own number of the request, and all after the header. */
export type Message = { type: number; flags: number; sequence: number; body: Uint8Array };

/** What of `struct nlmsghdr` comes first: length, type, flags, sequence, port. */
export const headerBytes = 16;

export function encodeMessage({ type, flags, sequence, body }: Message): Uint8Array {
  const bytes = Buffer.alloc(headerBytes + body.length);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags, 6);
  bytes.writeUInt32LE(sequence, 8);
  bytes.set(body, headerBytes);
  return bytes;
}

/** The messages of one datagram. Their bodies are parts of it. */
export function decodeMessages(datagram: Uint8Array): Message[] {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const messages: Message[] = [];
  for (let at = 0; at + headerBytes <= datagram.length; ) {
    const length = view.getUint32(at, true);
    if (length < headerBytes || at + length > datagram.length) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      body: datagram.subarray(at + headerBytes, at + length),
    });
    at += aligned(length);
  }
  return messages;
}
