import { LabError } from '../../clusters/error.ts';
import { envoyPorts } from '../envoy/ports.ts';
import { inboundSource } from './inbound.ts';

/** The user and group that Envoy and its agent run as: their connections are not redirected. */
export const proxyUser = 1337;

/** Ports of a pod that are never redirected inwards: statistics, readiness, rewritten probes. */
const ownPorts = [envoyPorts.stats, envoyPorts.ready, envoyPorts.agent];

// Reserved for tunnels between proxies.
const tunnelPort = 15008;

/**
 * Istio's REDIRECT rule set for iptables-restore: what leaves the pod goes to Envoy's outbound port, what comes in to
 * its inbound port, and what Envoy itself sends goes its way.
 * @param excludedInboundPorts more ports that are reached without the proxy.
 */
export function redirectRules(excludedInboundPorts: readonly number[] = []): string {
  return `${[
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ':INPUT ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':POSTROUTING ACCEPT [0:0]',
    ...['INBOUND', 'IN_REDIRECT', 'OUTPUT', 'REDIRECT'].map((chain) => `:ISTIO_${chain} - [0:0]`),
    '-A PREROUTING -p tcp -j ISTIO_INBOUND',
    '-A OUTPUT -j ISTIO_OUTPUT',
    ...[tunnelPort, ...ownPorts, ...excludedInboundPorts].map(
      (port) => `-A ISTIO_INBOUND -p tcp -m tcp --dport ${port} -j RETURN`,
    ),
    '-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT',
    `-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports ${envoyPorts.inbound}`,
    `-A ISTIO_OUTPUT -s ${inboundSource}/32 -o lo -j RETURN`,
    ...['uid', 'gid'].flatMap((kind) => [
      `-A ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -p tcp -m tcp ! --dport ${tunnelPort} -m owner --${kind}-owner ${proxyUser} -j ISTIO_IN_REDIRECT`,
      `-A ISTIO_OUTPUT -o lo -m owner ! --${kind}-owner ${proxyUser} -j RETURN`,
      `-A ISTIO_OUTPUT -m owner --${kind}-owner ${proxyUser} -j RETURN`,
    ]),
    '-A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN',
    '-A ISTIO_OUTPUT -j ISTIO_REDIRECT',
    `-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports ${envoyPorts.outbound}`,
    'COMMIT',
  ].join('\n')}\n`;
}

/**
 * The port numbers of an annotation such as `8079,8089`.
 * @throws LabError LAB_ANNOTATION_INVALID naming the part that is no port.
 */
export function parsePorts(annotation: string | undefined): number[] {
  return (annotation ?? '')
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map((text) => {
      const port = Number(text);
      if (/^\d+$/.test(text) && port >= 1 && port <= 65535) return port;
      throw new LabError('LAB_ANNOTATION_INVALID', {
        message: `"${text}" in the list of ports "${annotation}" is no port`,
        remedy: 'Write port numbers separated by commas.',
      });
    });
}
