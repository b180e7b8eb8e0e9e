/** IANA's numbers of the protocols that policies, services and flows know. */
export const protocols = { ICMP: 1, TCP: 6, UDP: 17, ICMPv6: 58, SCTP: 132 } as const;

/** Those that have ports, as Kubernetes names them. */
export const portProtocols = ['TCP', 'UDP', 'SCTP'] as const;

/** The number of a protocol that a port of Kubernetes' has; 0 for any other name. */
export function portProtocol(name: string): number {
  const known = portProtocols.find((protocol) => protocol === name);
  return known === undefined ? 0 : protocols[known];
}
