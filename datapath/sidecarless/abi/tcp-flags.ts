/** Bits of a TCP header's flags (RFC 9293), in the order in which Hubble writes them. */
export const tcpFlags = {
  SYN: 0x02,
  ACK: 0x10,
  RST: 0x04,
  FIN: 0x01,
  PSH: 0x08,
  URG: 0x20,
  ECE: 0x40,
  CWR: 0x80,
} as const;

export type TcpFlag = keyof typeof tcpFlags;
