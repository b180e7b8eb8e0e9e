/** One attribute of a request (rtnetlink(7)): the number of its type, and its bytes. */
export type Attribute = readonly [type: number, value: Uint8Array];

const headerBytes = 4;

/** Attributes one after the other, as a request has them, and an attribute that is made of others. */
export function encodeAttributes(attributes: readonly Attribute[]): Buffer {
  return Buffer.concat(attributes.map(encode));
}

/** Reads what {@link encodeAttributes} writes. The last of a type is the one that counts. */
export function decodeAttributes(bytes: Uint8Array): Map<number, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const attributes = new Map<number, Uint8Array>();
  for (let at = 0; at + headerBytes <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < headerBytes || at + length > bytes.length) break;
    // The two highest bits say how the value is to be read.
    attributes.set(view.getUint16(at + 2, true) & 0x3fff, bytes.subarray(at + headerBytes, at + length));
    at += aligned(length);
  }
  return attributes;
}

export function u8(value: number): Uint8Array {
  return Uint8Array.of(value);
}

export function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** With the zero byte that ends it. */
export function text(value: string): Uint8Array {
  return Buffer.from(`${value}\0`);
}

/** Everything in a message begins at a multiple of four bytes. */
export function aligned(length: number): number {
  return (length + 3) & ~3;
}

function encode([type, value]: Attribute): Buffer {
  const bytes = Buffer.alloc(aligned(headerBytes + value.length));
  bytes.writeUInt16LE(headerBytes + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(value, headerBytes);
  return bytes;
}
