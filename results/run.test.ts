import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newRunId, Run } from './run.ts';
import { fixtureRun } from './tests/fixture-run.ts';

test('a run survives being written and read', () => {
  const run = fixtureRun();
  assert.deepEqual(Run.parse(JSON.parse(JSON.stringify(run))), run);
});

const breakages: Record<string, { path: string; edit: (run: Run) => void }> = {
  'an unknown field': { path: '', edit: (run) => Object.assign(run, { notes: 'x' }) },
  'an unknown field deep inside': { path: 'host', edit: (run) => Object.assign(run.host, { name: 'x' }) },
  'an id of another form': {
    path: 'id',
    edit: (run) => {
      run.id = 'monday';
    },
  },
  'a local time': {
    path: 'startedAt',
    edit: (run) => {
      run.startedAt = '2026-11-21 12:00';
    },
  },
  'a test case with the name of another': {
    path: 'testCases.0.id',
    edit: (run) => {
      (run.testCases[0] as Run['testCases'][number]).id = 'sidecar/l4/none/cross-node';
    },
  },
  'the same test case twice': { path: 'testCases.2.id', edit: (run) => void run.testCases.push(first(run)) },
  'an order with a test case that is not there': {
    path: 'order.0.3',
    edit: (run) => void run.order[0]?.push('ambient/l4/mtls/cross-node'),
  },
  'a block of a pass that has no turn for it': {
    path: 'testCases.0.outcome.blocks.9.pass',
    edit: (run) => void run.order.pop(),
  },
  'two blocks of one pass': {
    path: 'testCases.0.outcome.blocks.10.pass',
    edit: (run) => void blocksOf(run).push(firstBlock(run)),
  },
  'a number that is missing without a reason': {
    path: 'testCases.0.outcome.blocks.0.cpu.roles.proxy',
    edit: (run) => Object.assign(firstBlock(run).cpu.roles, { proxy: { value: null, reason: null } }),
  },
  'a verification that does not say whether there was another': {
    path: 'testCases.0.outcome.verification.after',
    edit: (run) => Reflect.deleteProperty(outcomeOf(run).verification, 'after'),
  },
  'evidence that holds though a check did not': {
    path: 'testCases.0.outcome.evidence.valid',
    edit: (run) => Object.assign(outcomeOf(run).evidence.checks[0] ?? {}, { held: false }),
  },
};

for (const [what, { path, edit }] of Object.entries(breakages)) {
  test(`a run with ${what} is refused, and the place is named`, () => {
    const run = structuredClone(fixtureRun());
    edit(run);
    const { error } = Run.safeParse(run);
    assert.ok(
      error?.issues.some((issue) => issue.path.join('.') === path),
      JSON.stringify(error?.issues),
    );
  });
}

test('an id says when, what, and is not the same twice', () => {
  const ids = [1, 2, 3].map(() => newRunId('latency', new Date('2026-11-21T08:30:33.123Z')));
  for (const id of ids) {
    assert.match(id, /^20261121T083033Z-latency-[0-9a-f]{6}$/);
    assert.ok(Run.shape.id.safeParse(id).success);
  }
  assert.equal(new Set(ids).size, 3);
});

function first(run: Run): Run['testCases'][number] {
  return run.testCases[0] as Run['testCases'][number];
}

function outcomeOf(run: Run) {
  const { outcome } = first(run);
  assert.ok(outcome.state === 'measured');
  return outcome;
}

function blocksOf(run: Run) {
  return outcomeOf(run).blocks;
}

function firstBlock(run: Run) {
  return blocksOf(run)[0] as ReturnType<typeof blocksOf>[number];
}
