import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { exec } from '../../clusters/exec.ts';
import { numbers } from '../../datapath/sidecarless/abi/numbers.ts';
import { type Layout, layouts } from '../../datapath/sidecarless/abi/structs.ts';
import { eventLayout } from '../../datapath/sidecarless/flow/event-layout.ts';
import { buildObjects, type Objects } from './packets/programs.ts';

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
      members: z.array(z.object({ name: z.string(), type_id: z.number(), bits_offset: z.number() })).optional(),
      values: z.array(z.object({ name: z.string(), val: z.number() })).optional(),
    }),
  ),
});
type Type = z.infer<typeof Btf>['types'][number];

const header = join(import.meta.dirname, '../lib/abi.h');
let objects: Objects;
let types: readonly Type[] = [];

before(async () => {
  objects = await buildObjects(['tests/abi.bpf.o']);
  const { stdout } = await exec('bpftool', ['btf', 'dump', '-j', 'file', join(objects.directory, 'tests/abi.bpf.o')]);
  types = Btf.parse(JSON.parse(stdout)).types;
});
after(() => objects.remove());

test('every struct and every enum of the header is in the object, and known here', async () => {
  const text = await readFile(header, 'utf8');
  const declared = (kind: string): string[] =>
    [...text.matchAll(new RegExp(`^${kind} (\\w+) \\{`, 'gm'))].map(([, name = '']) => name).sort();
  assert.deepEqual(Object.keys(layouts).sort(), declared('struct'));
  assert.deepEqual(Object.keys(numbers).sort(), declared('enum'));
  assert.deepEqual(
    ofKind('STRUCT')
      .map(({ name }) => name)
      .sort(),
    declared('struct'),
  );
  assert.deepEqual(
    ofKind('ENUM')
      .map(({ name }) => name)
      .sort(),
    declared('enum'),
  );
});

test('members of every struct are where the compiler puts them', () => {
  for (const { name, size, members = [] } of ofKind('STRUCT')) {
    const compiled = members.map((member) => [member.name, member.bits_offset / 8, sizeOf(member.type_id)]);
    const layout: Layout = layouts[name as keyof typeof layouts];
    const own = Object.entries(layout.members).map(([member, [offset, bytes]]) => [member, offset, bytes]);
    assert.deepEqual({ name, size: layout.size, members: own }, { name, size, members: compiled });
  }
});

test('numbers of every enum are the compiler’s', () => {
  for (const { name, values = [] } of ofKind('ENUM')) {
    const compiled = Object.fromEntries(values.map((value) => [value.name, value.val]));
    assert.deepEqual({ name, ...numbers[name as keyof typeof numbers] }, { name, ...compiled });
  }
});

test('events are decoded by the same layout', () => {
  const { size, members }: Layout = layouts.event;
  assert.equal(eventLayout.size, size);
  assert.deepEqual(
    eventLayout.members.map(({ member, offset, size }) => [member, offset, size]),
    Object.entries(members).map(([member, [offset, bytes]]) => [member, offset, bytes]),
  );
});

test('what counts as a prefix of a policy key', async () => {
  const text = await readFile(header, 'utf8');
  const { identity, port, direction } = layouts.policy_key.members;
  assert.match(text, new RegExp(`#define POLICY_STATIC_BITS ${(identity[1] + direction[1]) * 8}\\b`));
  assert.match(text, new RegExp(`#define POLICY_FULL_BITS ${(port[0] + port[1] - identity[0]) * 8}\\b`));
});

function ofKind(kind: string): readonly Type[] {
  return types.filter((type) => type.kind === kind);
}

function sizeOf(id: number): number {
  const type = types.find((candidate) => candidate.id === id);
  if (type === undefined) throw new Error(`there is no type ${id}`);
  if (type.kind === 'ARRAY') return (type.nr_elems ?? 0) * sizeOf(type.type_id ?? 0);
  return type.size ?? sizeOf(type.type_id ?? 0);
}
