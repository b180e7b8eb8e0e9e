type Names = Readonly<Record<number, readonly [type: string, codes?: readonly string[]]>>;

const timeExceeded = 'FragmentReassemblyTimeExceeded';

/** RFC 792 and 1812. */
const v4: Names = {
  0: ['EchoReply'],
  3: [
    'DestinationUnreachable',
    [
      'Net',
      'Host',
      'Protocol',
      'Port',
      'FragmentationNeeded',
      'SourceRoutingFailed',
      'NetUnknown',
      'HostUnknown',
      'SourceIsolated',
      'NetAdminProhibited',
      'HostAdminProhibited',
      'NetTOS',
      'HostTOS',
      'CommAdminProhibited',
      'HostPrecedence',
      'PrecedenceCutoff',
    ],
  ],
  5: ['Redirect', ['Net', 'Host', 'TOS+Net', 'TOS+Host']],
  8: ['EchoRequest'],
  9: ['RouterAdvertisement'],
  10: ['RouterSolicitation'],
  11: ['TimeExceeded', ['TTLExceeded', timeExceeded]],
  12: ['ParameterProblem', ['PointerIndicatesError', 'MissingOption', 'BadLength']],
  13: ['TimestampRequest'],
  14: ['TimestampReply'],
};

/** RFC 4443 and 4861. */
const v6: Names = {
  1: [
    'DestinationUnreachable',
    [
      'NoRouteToDst',
      'AdminProhibited',
      'BeyondScopeOfSrc',
      'AddressUnreachable',
      'PortUnreachable',
      'SrcAddressFailedPolicy',
      'RejectRouteToDst',
    ],
  ],
  2: ['PacketTooBig'],
  3: ['TimeExceeded', ['HopLimitExceeded', timeExceeded]],
  4: ['ParameterProblem', ['ErroneousHeader', 'UnrecognizedNextHeader', 'UnrecognizedIPv6Option']],
  128: ['EchoRequest'],
  129: ['EchoReply'],
  133: ['RouterSolicitation'],
  134: ['RouterAdvertisement'],
  135: ['NeighborSolicitation'],
  136: ['NeighborAdvertisement'],
  137: ['Redirect'],
};

/** `EchoRequest`, `DestinationUnreachable(Port)`; what has no name by its numbers: `42(7)`, `EchoReply(Code: 1)`. */
export function icmpName(family: 'ICMPv4' | 'ICMPv6', type: number, code: number): string {
  const [name, codes] = (family === 'ICMPv4' ? v4 : v6)[type] ?? [];
  if (name === undefined) return `${type}(${code})`;
  if (codes === undefined && code === 0) return name;
  return `${name}(${codes?.[code] ?? `Code: ${code}`})`;
}
