/** Where a member of a C struct is, and how many bytes it takes. */
export type Member = { struct: string; member: string; offset: number; size: number };

export type StructLayout<Name extends string> = {
  /** Bytes, with what the compiler adds at the end. */
  size: number;
  /** In the struct's order. A test compares them with what BTF says. */
  members: readonly Member[];
  offsets: Readonly<Record<Name, number>>;
};

const u8 = { size: 1, alignment: 1 };
const u16 = { size: 2, alignment: 2 };
const u32 = { size: 4, alignment: 4 };
const u64 = { size: 8, alignment: 8 };
const addr = { size: 16, alignment: 4 };

/** `struct event` of bpf/lib/abi.h. */
export const eventLayout = layOut('event', [
  ['time', u64],
  ['source', addr],
  ['destination', addr],
  ['source_port', u16],
  ['destination_port', u16],
  ['source_identity', u32],
  ['destination_identity', u32],
  ['endpoint', u32],
  ['rule', u32],
  ['length', u32],
  ['type', u8],
  ['reason', u8],
  ['direction', u8],
  ['protocol', u8],
  ['tcp_flags', u8],
  ['is_reply', u8],
  ['point', u8],
  ['icmp_code', u8],
  ['socket', u64],
  ['service', addr],
  ['service_port', u16],
  ['pad', array(u16, 3)],
]);

type CType = { size: number; alignment: number };

function array({ size, alignment }: CType, length: number): CType {
  return { size: size * length, alignment };
}

/** The System V ABI's rules, which BPF's are: each member at a multiple of its alignment, the whole at the largest. */
function layOut<const Name extends string>(
  struct: string,
  types: readonly (readonly [Name, CType])[],
): StructLayout<Name> {
  const members: Member[] = [];
  const offsets: Partial<Record<Name, number>> = {};
  let end = 0;
  for (const [member, { size, alignment }] of types) {
    const offset = roundUp(end, alignment);
    members.push({ struct, member, offset, size });
    offsets[member] = offset;
    end = offset + size;
  }
  const size = roundUp(end, Math.max(...types.map(([, { alignment }]) => alignment)));
  return { size, members, offsets: offsets as Record<Name, number> };
}

function roundUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
