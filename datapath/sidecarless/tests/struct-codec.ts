import { type Kind, type StructLayout, type StructName, structs } from '../abi/structs.ts';
import { formatAddress, parseAddress } from '../address/address.ts';

type ValueOf<K extends Kind> = K extends 'address'
  ? string
  : K extends 'bytes'
    ? Uint8Array
    : K extends 'by-direction'
      ? readonly [ingress: number, egress: number]
      : number;

type MembersOf<Name extends StructName> = (typeof structs)[Name]['members'];

/** The members of a struct: numbers of 64 bits are exact up to 2^53, which nanoseconds reach after 104 days. */
export type Struct<Name extends StructName> = {
  -readonly [M in keyof MembersOf<Name>]: MembersOf<Name>[M] extends readonly [number, number, infer K extends Kind]
    ? ValueOf<K>
    : never;
};

/** The same, to be written: numbers of 64 bits may be larger. */
export type StructInput<Name extends StructName> = {
  [M in keyof Struct<Name>]?: Struct<Name>[M] extends number ? number | bigint : Struct<Name>[M];
};

/** The bytes of a struct; members that are left out are zero. */
export function encode<Name extends StructName>(name: Name, values: StructInput<Name>): Uint8Array {
  const { size, members }: StructLayout = structs[name];
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  for (const [member, value] of Object.entries(values)) {
    const [offset, width, kind] = members[member] as StructLayout['members'][string];
    if (kind === 'address') bytes.set(parseAddress(value as string), offset);
    else if (kind === 'bytes') bytes.set(value as Uint8Array, offset);
    else if (kind === 'by-direction') {
      (value as readonly number[]).forEach((one, index) => {
        view.setBigUint64(offset + 8 * index, BigInt(one), true);
      });
    } else setNumber(view, offset, width, value as number | bigint, kind === 'host');
  }
  return bytes;
}

export function decode<Name extends StructName>(name: Name, bytes: Uint8Array): Struct<Name> {
  const { members }: StructLayout = structs[name];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: Record<string, unknown> = {};
  for (const [member, [offset, width, kind]] of Object.entries(members)) {
    if (kind === 'address') values[member] = formatAddress(bytes, offset);
    else if (kind === 'bytes') values[member] = bytes.slice(offset, offset + width);
    else if (kind === 'by-direction') values[member] = [0, 8].map((at) => Number(view.getBigUint64(offset + at, true)));
    else values[member] = getNumber(view, offset, width, kind === 'host');
  }
  return values as Struct<Name>;
}

function setNumber(view: DataView, offset: number, width: number, value: number | bigint, littleEndian: boolean): void {
  if (width === 1) view.setUint8(offset, Number(value));
  else if (width === 2) view.setUint16(offset, Number(value), littleEndian);
  else if (width === 4) view.setUint32(offset, Number(value), littleEndian);
  else view.setBigUint64(offset, BigInt(value), littleEndian);
}

function getNumber(view: DataView, offset: number, width: number, littleEndian: boolean): number {
  if (width === 1) return view.getUint8(offset);
  if (width === 2) return view.getUint16(offset, littleEndian);
  if (width === 4) return view.getUint32(offset, littleEndian);
  return Number(view.getBigUint64(offset, littleEndian));
}
