import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { reservedIdentities } from '../identities/reserved-identity.ts';
import { dropReasons } from './drop-reason.ts';
import { eventTypes } from './event.ts';
import { eventLayout } from './event-layout.ts';
import { observationPoints } from './observation-point.ts';

const header = readFileSync(new URL('../../../bpf/lib/abi.h', import.meta.url), 'utf8').replace(/\/\*.*?\*\//gs, '');

/** The enumerators of one of the header's enums that are plain numbers. */
function enumerators(name: string): Map<string, number> {
  const [, body = ''] = new RegExp(`^enum ${name} \\{([^}]*)\\}`, 'm').exec(header) ?? [];
  return new Map([...body.matchAll(/(\w+) = (\d+),/g)].map(([, constant = '', number]) => [constant, Number(number)]));
}

test('the members of an event are those of the header, in its order', () => {
  const [, body = ''] = /^struct event \{([^}]*)\}/m.exec(header) ?? [];
  const members = [...body.matchAll(/(\w+)(?:\[\d+\])?;/g)].map(([, name]) => name);
  assert.deepEqual(
    eventLayout.members.map(({ member }) => member),
    members,
  );
});

test('every reason to drop has a name and a text', () => {
  const numbers = [...enumerators('drop_reason').values()].filter((reason) => reason !== 0);
  assert.deepEqual([...dropReasons.keys()], numbers);
});

test('types of events and points of observation have the numbers of the header', () => {
  assert.deepEqual(Object.values(eventTypes), [...enumerators('event_type').values()]);
  const points = Object.entries(observationPoints).map(([name, number]) => [
    name.toUpperCase().replaceAll('-', '_'),
    number,
  ]);
  assert.deepEqual(new Map(points as [string, number][]), enumerators('observation_point'));
});

test('every reserved identity has a name', () => {
  const numbers = [...enumerators('identity').values()].filter((identity) => identity < 256);
  assert.deepEqual([...reservedIdentities.keys()], numbers);
});
