/** The Internet checksum (RFC 1071) of several stretches of bytes, of which only the last may have an odd length. */
export function checksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const bytes of parts) {
    for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** What TCP, UDP and ICMPv6 take into their checksums of the header around them: addresses as on the wire. */
export function pseudoHeader(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  length: number,
): Uint8Array[] {
  const rest = new Uint8Array(8);
  new DataView(rest.buffer).setUint32(0, length);
  rest[7] = protocol;
  return [source, destination, rest];
}
