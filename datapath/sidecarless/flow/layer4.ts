import { protocols } from '../abi/protocols.ts';
import { type TcpFlag, tcpFlags } from '../abi/tcp-flags.ts';
import type { DatapathEvent } from './event.ts';
import type { Layer4, TcpFlags } from './flow.ts';
import { icmpName } from './icmp.ts';

const flagBits = Object.entries(tcpFlags) as [TcpFlag, number][];

/** A packet's or a socket's protocol with what belongs to it, and the line about it. `l4` is null for other protocols. */
export function layer4({
  type,
  protocol,
  sourcePort,
  destinationPort,
  tcpFlags: bits,
  icmpType,
  icmpCode,
}: DatapathEvent): {
  l4: Layer4 | null;
  summary: string;
} {
  const isSocket = type === 'translation';
  const ports = { source_port: isSocket ? null : sourcePort, destination_port: destinationPort };
  const icmp = { type: icmpType, code: icmpCode };
  switch (protocol) {
    case protocols.TCP: {
      const flags = flagNames(bits);
      return {
        l4: { TCP: { ...ports, flags: isSocket ? null : flagsOf(flags) } },
        summary: flags.length === 0 ? 'TCP' : `TCP Flags: ${flags.join(', ')}`,
      };
    }
    case protocols.UDP:
      return { l4: { UDP: ports }, summary: 'UDP' };
    case protocols.SCTP:
      return { l4: { SCTP: ports }, summary: 'SCTP' };
    case protocols.ICMP:
      return { l4: { ICMPv4: icmp }, summary: `ICMPv4 ${icmpName('ICMPv4', icmpType, icmpCode)}` };
    case protocols.ICMPv6:
      return { l4: { ICMPv6: icmp }, summary: `ICMPv6 ${icmpName('ICMPv6', icmpType, icmpCode)}` };
    default:
      return { l4: null, summary: `IP protocol ${protocol}` };
  }
}

function flagNames(bits: number): TcpFlag[] {
  return flagBits.flatMap(([name, bit]) => (bits & bit ? [name] : []));
}

function flagsOf(names: readonly TcpFlag[]): TcpFlags {
  const flags: TcpFlags = {};
  for (const name of names) flags[name] = true;
  return flags;
}
