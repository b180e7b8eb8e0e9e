import { styleText } from 'node:util';
import { reservedNames } from '../identities/reserved-identity.ts';
import { dropReason } from './drop-reason.ts';
import { type Flow, type FlowEndpoint, type FlowService, messageTypes, policyMatches, portsOf } from './flow.ts';
import { pointNames } from './observation-point.ts';

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const verdictColours = { FORWARDED: 'green', DROPPED: 'red', TRACED: 'yellow', TRANSLATED: 'yellow' } as const;

/**
 * One line in Hubble's compact form, without a newline; times are UTC:
 * `Jan  1 00:20:34.567: default/a:31793 (ID:300) -> 10.0.0.1:80 (world) to-network FORWARDED (TCP Flags: SYN)`.
 * A reply is shown from the point of view of who opened the connection: `client <- server`.
 */
export function formatCompact(flow: Flow, { colour = false, node = false } = {}): string {
  const ports = portsOf(flow);
  const source = side(flow.IP.source, ports?.source ?? null, flow.source, flow.source_service);
  const destination = side(flow.IP.destination, ports?.destination ?? null, flow.destination, flow.destination_service);
  const [left, right] = flow.is_reply ? [destination, source] : [source, destination];
  const arrow = flow.is_reply === null ? '<>' : flow.is_reply ? '<-' : '->';
  const verdict = colour
    ? styleText(verdictColours[flow.verdict], verdictText(flow), { validateStream: false })
    : verdictText(flow);
  const where = node ? ` [${flow.node_name}]` : '';
  return `${stamp(flow.time)}${where}: ${left} ${arrow} ${right} ${typeText(flow)} ${verdict} (${flow.Summary})`;
}

/** `2026-03-04T05:06:07.089…Z` as `Mar  4 05:06:07.089`. */
function stamp(time: string): string {
  return `${months[Number(time.slice(5, 7)) - 1]} ${String(Number(time.slice(8, 10))).padStart(2)} ${time.slice(11, 23)}`;
}

function side(
  address: string | null,
  port: number | null,
  endpoint: FlowEndpoint,
  service: FlowService | null,
): string {
  const name = nameOf(endpoint, service) ?? (port && address?.includes(':') ? `[${address}]` : address) ?? 'unknown';
  return `${name}${port ? `:${port}` : ''} ${identity(endpoint.identity)}`;
}

function nameOf({ namespace, pod_name }: FlowEndpoint, service: FlowService | null): string | null {
  if (pod_name !== null) return namespace === null ? pod_name : `${namespace}/${pod_name}`;
  return service === null ? null : `${service.namespace}/${service.name}`;
}

function identity(number: number): string {
  return `(${reservedNames.get(number) ?? `ID:${number}`})`;
}

function typeText({ event_type: { type, sub_type }, policy_match_type, traffic_direction }: Flow): string {
  switch (type) {
    case messageTypes.drop:
      return dropReason(sub_type).text;
    case messageTypes['policy-verdict']:
      return `policy-verdict:${policyMatches[policy_match_type ?? -1] ?? 'unknown'} ${traffic_direction}`;
    default:
      return pointNames.get(sub_type) ?? `${sub_type}`;
  }
}

function verdictText({ verdict, event_type: { type } }: Flow): string {
  if (type !== messageTypes['policy-verdict']) return verdict;
  return verdict === 'DROPPED' ? 'DENIED' : 'ALLOWED';
}
