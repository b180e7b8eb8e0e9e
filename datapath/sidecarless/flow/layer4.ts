import type { DatapathEvent } from './event.ts';
import type { Layer4, TcpFlags } from './flow.ts';
import { icmpName } from './icmp.ts';

/** In the order in which Hubble writes them. */
const flagBits = [
  ['SYN', 0x02],
  ['ACK', 0x10],
  ['RST', 0x04],
  ['FIN', 0x01],
  ['PSH', 0x08],
  ['URG', 0x20],
  ['ECE', 0x40],
  ['CWR', 0x80],
] as const satisfies readonly [keyof TcpFlags, number][];

/** A packet's or a socket's protocol with what belongs to it, and the line about it. `l4` is null for other protocols. */
export function layer4({ type, protocol, sourcePort, destinationPort, tcpFlags, icmpType, icmpCode }: DatapathEvent): {
  l4: Layer4 | null;
  summary: string;
} {
  const isSocket = type === 'translation';
  const ports = { source_port: isSocket ? null : sourcePort, destination_port: destinationPort };
  const icmp = { type: icmpType, code: icmpCode };
  switch (protocol) {
    case 6: {
      const flags = flagNames(tcpFlags);
      return {
        l4: { TCP: { ...ports, flags: isSocket ? null : flagsOf(flags) } },
        summary: flags.length === 0 ? 'TCP' : `TCP Flags: ${flags.join(', ')}`,
      };
    }
    case 17:
      return { l4: { UDP: ports }, summary: 'UDP' };
    case 132:
      return { l4: { SCTP: ports }, summary: 'SCTP' };
    case 1:
      return { l4: { ICMPv4: icmp }, summary: `ICMPv4 ${icmpName('ICMPv4', icmpType, icmpCode)}` };
    case 58:
      return { l4: { ICMPv6: icmp }, summary: `ICMPv6 ${icmpName('ICMPv6', icmpType, icmpCode)}` };
    default:
      return { l4: null, summary: `IP protocol ${protocol}` };
  }
}

function flagNames(bits: number): (keyof TcpFlags)[] {
  return flagBits.flatMap(([name, bit]) => (bits & bit ? [name] : []));
}

function flagsOf(names: readonly (keyof TcpFlags)[]): TcpFlags {
  const flags: TcpFlags = {};
  for (const name of names) flags[name] = true;
  return flags;
}
