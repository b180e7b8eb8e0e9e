import { z } from 'zod';

const Links = z.array(
  z.object({
    ifname: z.string(),
    stats64: z.object({ rx: z.object({ bytes: z.number() }), tx: z.object({ bytes: z.number() }) }).optional(),
  }),
);

/**
 * Connections that kube-proxy has sent to any backend of a Service port, from `iptables-save -c -t nat`: the nat table
 * sees the first packet of a connection only, so the packets of the rules that pick a backend are connections. Null where
 * there is no such rule.
 * @param servicePort `namespace/service:port-name`, as kube-proxy writes it into its comments.
 */
export function dnatConnections(iptablesSave: string, servicePort: string): number | null {
  return packetsOf(backendRules(iptablesSave).filter(({ comment }) => comment.startsWith(`${servicePort} -> `)));
}

/** Those of the other ports of the Service; 0 where it has no other. Null where there is no rule of its own port either. */
export function connectionsElsewhere(iptablesSave: string, service: string, servicePort: string): number | null {
  if (dnatConnections(iptablesSave, servicePort) === null) return null;
  const others = backendRules(iptablesSave).filter(
    ({ comment }) => comment.startsWith(`${service}:`) && !comment.startsWith(`${servicePort} -> `),
  );
  return packetsOf(others) ?? 0;
}

/** Connections to a Service whose client's address was replaced; null where there is no rule for that. */
export function masqueradedConnections(iptablesSave: string, service: string): number | null {
  const rules = rulesOf(iptablesSave).filter(
    ({ comment, target }) => target === 'KUBE-MARK-MASQ' && comment.startsWith(`${service}:`),
  );
  return packetsOf(rules);
}

/** A rule with the packets that it was for. */
type Rule = { packets: number; chain: string; comment: string; target: string };

function rulesOf(iptablesSave: string): Rule[] {
  return iptablesSave.split('\n').flatMap((line) => {
    const [, packets, chain, comment, target] =
      /^\[(\d+):\d+\] -A (\S+) .*--comment "([^"]*)".* -j (\S+)/.exec(line) ?? [];
    if (packets === undefined || chain === undefined || comment === undefined || target === undefined) return [];
    return [{ packets: Number(packets), chain, comment, target }];
  });
}

function backendRules(iptablesSave: string): Rule[] {
  return rulesOf(iptablesSave).filter(
    ({ chain, target }) => chain.startsWith('KUBE-SVC-') && target.startsWith('KUBE-SEP-'),
  );
}

function packetsOf(rules: readonly Rule[]): number | null {
  return rules.length === 0 ? null : rules.reduce((sum, { packets }) => sum + packets, 0);
}

/** Bytes that a node has put on one of its links and taken from it, from `ip -j -s link`; null where there is no such link. */
export function linkBytes(links: string, name: string): { sent: number | null; received: number | null } {
  const link = Links.parse(JSON.parse(links)).find(({ ifname }) => ifname === name);
  return { sent: link?.stats64?.tx.bytes ?? null, received: link?.stats64?.rx.bytes ?? null };
}
