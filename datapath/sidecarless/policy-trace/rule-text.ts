import { protocols } from '../abi/protocols.ts';
import type { Peer, PeerRule, PortMatch } from '../policy/rule.ts';
import type { Selector } from '../policy/selector.ts';

/** Whom and what a rule is about, in words: `from pods with k8s:app=client, on TCP 8000-8080`. */
export function ruleText({ direction, peers, ports }: PeerRule): string {
  const preposition = direction === 'ingress' ? 'from' : 'to';
  const who = peers.length === 0 ? 'nobody' : [...new Set(peers.map(peerText))].join(' or ');
  const what = ports.length === 0 ? 'no port' : [...new Set(ports.map(portText))].join(' or ');
  return `${preposition} ${who}, on ${what}`;
}

function peerText(peer: Peer): string {
  switch (peer.kind) {
    case 'everybody':
      return 'everybody';
    case 'entity':
      return peer.entity;
    case 'labels':
      return peer.selector.length === 0 ? 'whoever has labels' : `pods with ${selectorText(peer.selector)}`;
    case 'cidr': {
      const holes = peer.except.map(({ text }) => text);
      return `${peer.cidr.text}${holes.length === 0 ? '' : ` but not ${holes.join(' or ')}`}`;
    }
  }
}

function selectorText(selector: Selector): string {
  const requirements = selector.map(({ key, operator, values }) => {
    if (operator === 'In' && values.length === 1) return `${key}=${values[0]}`;
    if (operator === 'In' || operator === 'NotIn') {
      return `${key} ${operator === 'In' ? 'in' : 'not in'} (${values.join(', ')})`;
    }
    return operator === 'Exists' ? key : `no ${key}`;
  });
  return requirements.join(' and ');
}

const protocolNames = new Map<number, string>(Object.entries(protocols).map(([name, number]) => [number, name]));

function portText(match: PortMatch): string {
  if (match.kind === 'all') return 'everything';
  if (match.kind === 'named') return `${match.protocols.map(protocolName).join('/')} port "${match.name}"`;
  const { protocol, first, last } = match;
  const name = protocolName(protocol);
  const isIcmp = protocol === protocols.ICMP || protocol === protocols.ICMPv6;
  if (first === 0 && last === 65535) return `${name}, every port`;
  return `${name}${isIcmp ? ' type' : ''} ${first === last ? first : `${first}-${last}`}`;
}

function protocolName(number: number): string {
  return protocolNames.get(number) ?? `protocol ${number}`;
}
