import { type StructLayout, type StructName, structs } from './structs.ts';

export type Offsets<Name extends StructName> = {
  readonly [Member in keyof (typeof structs)[Name]['members']]: number;
};

/**
 * Where each member of a struct begins. To be asked for once, when a module is loaded: a reader of events then finds
 * constants.
 */
export function offsetsOf<Name extends StructName>(name: Name): Offsets<Name> {
  const { members }: StructLayout = structs[name];
  const offsets = Object.entries(members).map(([member, [offset]]) => [member, offset] as const);
  return Object.freeze(Object.fromEntries(offsets)) as Offsets<Name>;
}
