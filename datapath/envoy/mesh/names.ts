/** Names of clusters, listeners and statistics. They have no dots, which separate the parts of Envoy's statistics. */
export function outboundName({ service, port }: { service: string; port: number }): string {
  return `outbound_${service}_${port}`;
}

export function inboundName(port: number): string {
  return `inbound_${port}`;
}

/** Where traffic goes that is for no Service of the mesh, and where it goes to die. */
export const passthrough = 'passthrough';
export const blackhole = 'blackhole';
