import { z } from 'zod';

const Links = z.array(
  z.object({
    ifname: z.string(),
    stats64: z.object({ rx: z.object({ bytes: z.number() }), tx: z.object({ bytes: z.number() }) }).optional(),
  }),
);

/**
 * Connections that kube-proxy has sent to any backend of a Service port, from `iptables-save -c -t nat`: the nat table
 * sees the first packet of a connection only, so the packets of the rules that pick a backend are connections.
 * @param servicePort `namespace/service:port-name`, as kube-proxy writes it into its comments.
 */
export function dnatConnections(iptablesSave: string, servicePort: string): number {
  let connections = 0;
  for (const line of iptablesSave.split('\n')) {
    if (!line.includes(' -A KUBE-SVC-') || !line.includes(' -j KUBE-SEP-')) continue;
    if (!line.includes(`"${servicePort} -> `)) continue;
    connections += Number(/^\[(\d+):\d+\]/.exec(line)?.[1] ?? 0);
  }
  return connections;
}

/** Bytes that a node has put on one of its links and taken from it, from `ip -j -s link`. */
export function linkBytes(links: string, name: string): { sent: number; received: number } {
  const link = Links.parse(JSON.parse(links)).find(({ ifname }) => ifname === name);
  return { sent: link?.stats64?.tx.bytes ?? 0, received: link?.stats64?.rx.bytes ?? 0 };
}
