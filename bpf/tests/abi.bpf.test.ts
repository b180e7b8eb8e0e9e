import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { exec } from '../../clusters/exec.ts';
import { type MapName, mapSizes, maps, policyMap } from '../../datapath/sidecarless/abi/maps.ts';
import { definitions, numbers } from '../../datapath/sidecarless/abi/numbers.ts';
import { type Kind, type StructLayout, type StructName, structs } from '../../datapath/sidecarless/abi/structs.ts';
import { mapTypes } from '../../datapath/sidecarless/libbpf/map-types.ts';
import { buildObjects, type Objects } from './packets/programs.ts';

// The agent, flows and tests know the kernel side by the tables in datapath/sidecarless/abi/. Here the tables are held
// against bpf/lib/abi.h and bpf/lib/maps.h, as the compiler has them.

const TypeMember = z.object({ name: z.string(), type_id: z.number(), bits_offset: z.number() });

/** What `bpftool btf dump -j` prints, as far as it is needed. */
const Btf = z.object({
  types: z.array(
    z.object({
      id: z.number(),
      kind: z.string(),
      name: z.string(),
      size: z.number().optional(),
      type_id: z.number().optional(),
      nr_elems: z.number().optional(),
      members: z.array(TypeMember).optional(),
      values: z.array(z.object({ name: z.string(), val: z.number() })).optional(),
    }),
  ),
});
type Type = z.infer<typeof Btf>['types'][number];

const headers = join(import.meta.dirname, '../lib');
let objects: Objects;
let types: readonly Type[] = [];

before(async () => {
  objects = await buildObjects(['tests/abi.bpf.o']);
  const { stdout } = await exec('bpftool', ['btf', 'dump', '-j', 'file', join(objects.directory, 'tests/abi.bpf.o')]);
  types = Btf.parse(JSON.parse(stdout)).types;
});
after(() => objects.remove());

test('every struct and every enum of the header is in the object, and in the table', async () => {
  const text = await readFile(join(headers, 'abi.h'), 'utf8');
  const declared = (kind: string): string[] =>
    [...text.matchAll(new RegExp(`^${kind} (\\w+) \\{`, 'gm'))].map(([, name = '']) => name).sort();
  assert.deepEqual(Object.keys(structs).sort(), declared('struct'));
  assert.deepEqual(Object.keys(numbers).sort(), declared('enum'));
  assert.deepEqual(namesOf(structTypes()), declared('struct'));
  assert.deepEqual(namesOf(ofKind('ENUM')), declared('enum'));
});

test('members of every struct are where the compiler puts them, and are what it takes them for', () => {
  for (const { name, size, members = [] } of structTypes()) {
    const compiled = members.map((member) => [
      member.name,
      member.bits_offset / 8,
      sizeOf(member.type_id),
      kindOf(member.type_id),
    ]);
    const layout: StructLayout = structs[name as StructName];
    const own = Object.entries(layout.members).map(([member, shape]) => [member, ...shape]);
    assert.deepEqual({ name, size: layout.size, members: own }, { name, size, members: compiled });
  }
});

test('numbers of every enum are the compiler’s', () => {
  for (const { name, values = [] } of ofKind('ENUM')) {
    const compiled = Object.fromEntries(values.map((value) => [value.name, value.val]));
    assert.deepEqual({ name, ...numbers[name as keyof typeof numbers] }, { name, ...compiled });
  }
});

test('every number that the header defines is in the table', async () => {
  const text = await readFile(join(headers, 'abi.h'), 'utf8');
  const defined = [...text.matchAll(/^#define (\w+) (.+)$/gm)].map(([, name = '', value = '']) => [
    name,
    [...value.matchAll(/\d+/g)].reduce((product, [factor]) => product * Number(factor), 1),
  ]);
  assert.deepEqual(Object.fromEntries(defined), definitions);
});

test('what counts as a prefix of a policy key is what it has members for', () => {
  const { identity, port, direction } = structs.policy_key.members;
  assert.equal(definitions.POLICY_STATIC_BITS, (identity[1] + direction[1]) * 8);
  assert.equal(definitions.POLICY_FULL_BITS, (port[0] + port[1] - identity[0]) * 8);
});

test('every pinned map is in the table, with its type, its sizes and its room', () => {
  const pinned = ofKind('VAR').flatMap(({ name, type_id: type = 0 }) => {
    const shape = shapeOf(type);
    return shape.isPinned ? [[name, shape] as const] : [];
  });
  assert.deepEqual(pinned.map(([name]) => name).sort(), Object.keys(maps).sort());
  for (const [name, { isPinned, ...shape }] of pinned) {
    assert.deepEqual({ name, ...shape }, { name, ...tableShape(maps[name as MapName]) });
  }
  const policies = ofKind('VAR').find(({ name }) => name === 'sl_policies');
  const inner = memberType(policies?.type_id ?? 0, 'values')?.type_id ?? 0;
  const { isPinned, ...shape } = shapeOf(typeOf(inner).type_id ?? 0);
  // Of its key and its value the header has only the sizes.
  assert.deepEqual(shape, { ...tableShape(policyMap), key: null, value: null });
});

function ofKind(kind: string): readonly Type[] {
  return types.filter((type) => type.kind === kind);
}

/** Those that have a name: maps' definitions have none. */
function structTypes(): readonly Type[] {
  return ofKind('STRUCT').filter(({ name }) => name !== '(anon)');
}

function namesOf(list: readonly Type[]): string[] {
  return list.map(({ name }) => name).sort();
}

function typeOf(id: number): Type {
  return types.find((candidate) => candidate.id === id) ?? assert.fail(`there is no type ${id}`);
}

function sizeOf(id: number): number {
  const type = typeOf(id);
  if (type.kind === 'ARRAY') return (type.nr_elems ?? 0) * sizeOf(type.type_id ?? 0);
  return type.size ?? sizeOf(type.type_id ?? 0);
}

/** Addresses are structs, what is in network order says so by its type, and of arrays there are numbers by direction. */
function kindOf(id: number): Kind {
  const { kind, name, type_id: inner = 0 } = typeOf(id);
  if (kind === 'STRUCT') return 'address';
  if (kind === 'ARRAY') return sizeOf(inner) === 8 ? 'by-direction' : 'bytes';
  return name.startsWith('__be') ? 'network' : 'host';
}

type Shape = {
  type: number;
  keySize: number;
  valueSize: number;
  entries: number | null;
  key: string | null;
  value: string | null;
};

/** A map as BTF defines it: numbers are lengths of arrays, keys and values are pointed to or given by their sizes. */
function shapeOf(id: number): Shape & { isPinned: boolean } {
  const number = (name: string): number | null => {
    const member = memberType(id, name);
    return member === null ? null : (typeOf(member.type_id ?? 0).nr_elems ?? 0);
  };
  const content = (name: string): Type | null => {
    const pointer = memberType(id, name);
    return pointer === null ? null : typeOf(pointer.type_id ?? 0);
  };
  const bytes = (name: string): number => {
    const type = content(name);
    return type === null ? (number(`${name}_size`) ?? 0) : sizeOf(type.id);
  };
  const struct = (name: string): string | null => {
    const type = content(name);
    return type?.kind === 'STRUCT' ? type.name : null;
  };
  return {
    type: number('type') ?? 0,
    keySize: bytes('key'),
    // Of a map of maps it is the kernel's: the number of the inner one.
    valueSize: memberType(id, 'values') === null ? bytes('value') : 4,
    entries: number('max_entries'),
    key: struct('key'),
    value: struct('value'),
    isPinned: memberType(id, 'pinning') !== null,
  };
}

/** The type that a member points to. */
function memberType(id: number, name: string): Type | null {
  const member = typeOf(id).members?.find((candidate) => candidate.name === name);
  return member === undefined ? null : typeOf(member.type_id);
}

/** The same of a map of the table. */
function tableShape(map: (typeof maps)[MapName] | typeof policyMap): Shape {
  const struct = (content: string | null): string | null =>
    content !== null && Object.hasOwn(structs, content) ? content : null;
  return {
    type: mapTypes[map.type],
    ...mapSizes(map, 1),
    entries: map.entries,
    key: struct(map.key),
    value: struct(map.value),
  };
}
