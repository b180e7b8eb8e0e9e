import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Block } from './block.ts';
import { evidenceRecord, noEvidence } from './evidence-record.ts';
import { histogramOf } from './histogram.ts';
import type { TestCase } from './test-case.ts';
import { fixtureRun } from './tests/fixture-run.ts';
import { invalidReasons, warnings } from './validity.ts';

type Measured = Extract<TestCase['outcome'], { state: 'measured' }>;

/** The made-up sidecar (10 blocks of 400 requests), edited. */
function edited(edit: (outcome: Measured, blocks: [Block, ...Block[]]) => void): TestCase {
  const testCase = structuredClone(fixtureRun().testCases[1] as TestCase);
  assert.ok(testCase.outcome.state === 'measured');
  edit(testCase.outcome, testCase.outcome.blocks as [Block, ...Block[]]);
  return testCase;
}

const failedCheck = { claim: 'it passes', counter: 'rq', expected: '5', measured: 4, unread: null, held: false };

/** On one side of each limit, and on the other. */
const cases: [what: string, edit: Parameters<typeof edited>[0], reason: RegExp | null][] = [
  ['as it was made up', () => {}, null],
  ['4 of 4000 arrivals late', (_, [block]) => void setArrivals(block, { late: 4 }), null],
  [
    '5 of 4000 arrivals late',
    (_, [block]) => void setArrivals(block, { late: 5 }),
    /0 were dropped and 5 late, 0\.125 %/,
  ],
  [
    '3 dropped and 2 late',
    (_, [block]) => void setArrivals(block, { dropped: 3, late: 2 }),
    /3 were dropped and 2 late/,
  ],
  ['4 of 4004 requests failed', (_, [block]) => void fail(block, { timeout: 4 }), null],
  [
    '5 of 4005 requests failed',
    (_, [block]) => void fail(block, { timeout: 2, reset: 3 }),
    /5 failed \(timeout 2, reset 3\), 0\.1248 %/,
  ],
  [
    '99.5 % of the rate',
    (_, blocks) =>
      blocks.forEach((block) => {
        block.counts = { requests: 398 };
      }),
    null,
  ],
  [
    '99.45 % of the rate',
    (_, blocks) =>
      blocks.forEach((block) => {
        block.counts = { requests: 397.8 };
      }),
    /100\.00 requests\/s were asked for and 99\.45 achieved, 99\.45 %/,
  ],
  [
    'closed-loop',
    (_, blocks) => blocks.forEach((block) => void Object.assign(block, { requestedRate: null, arrivals: null })),
    null,
  ],
  [
    'no block',
    (outcome) => {
      outcome.blocks = [];
    },
    /No block was measured/,
  ],
  [
    'evidence against it',
    (outcome) => {
      outcome.evidence = evidenceRecord([failedCheck], []);
    },
    /^The claim "it passes" does not hold/,
  ],
  [
    'verification against it',
    (outcome) => {
      outcome.verification.before = evidenceRecord([failedCheck], outcome.verification.before.captures);
    },
    /^In verification: The claim/,
  ],
  [
    'verification afterwards against it',
    (outcome) => {
      outcome.verification.after = evidenceRecord([failedCheck], outcome.verification.before.captures);
    },
    /^In verification after the last block: The claim/,
  ],
  [
    'no verification afterwards',
    (outcome) => {
      outcome.verification.after = null;
    },
    /^The run ended before the path was verified once more/,
  ],
  [
    'a verification afterwards that failed itself',
    (outcome) => {
      outcome.verification.after = noEvidence('The kernel dropped 1 packet.');
    },
    /^In verification after the last block: The kernel dropped 1 packet\.$/,
  ],
  [
    'no capture before',
    (outcome) => {
      outcome.verification.before.captures = [];
    },
    /No capture shows that the traffic was encrypted/,
  ],
  [
    'no capture afterwards',
    (outcome) => {
      if (outcome.verification.after !== null) outcome.verification.after.captures = [];
    },
    /No capture shows that the traffic was encrypted/,
  ],
  [
    'no twin',
    (outcome) => void outcome.verification.before.captures.pop(),
    /shows that plaintext would have been noticed/,
  ],
];

for (const [what, edit, reason] of cases) {
  test(`a test case with ${what} is ${reason === null ? 'valid' : 'invalid, for that reason'}`, () => {
    const reasons = invalidReasons(edited(edit));
    if (reason === null) assert.deepEqual(reasons, []);
    else assert.match(reasons[0] ?? '', reason);
  });
}

test('a skipped or failed test case is invalid for its own reason', () => {
  const [testCase] = fixtureRun().testCases as [TestCase];
  const reason = 'it is not supported';
  assert.deepEqual(invalidReasons({ ...testCase, outcome: { state: 'skipped', reason } }), [reason]);
  assert.deepEqual(invalidReasons({ ...testCase, outcome: { state: 'failed', reason, verification: null } }), [reason]);
});

test('a test case that was given up is invalid for that reason alone', () => {
  const testCase = edited((outcome, blocks) => {
    outcome.stopped = 'Block 2 reached 12 % of the rate.';
    outcome.verification.after = null;
    blocks.forEach((block) => {
      block.counts = { requests: 48 };
    });
  });
  assert.deepEqual(invalidReasons(testCase), ['Block 2 reached 12 % of the rate.']);
});

test('nothing but failures is invalid', () => {
  const testCase = edited((_, blocks) => {
    for (const block of blocks) {
      fail(block, { connect: block.counts.requests ?? 0 });
      block.counts = { requests: 0 };
    }
  });
  assert.match(invalidReasons(testCase).join(' '), /4000 failed \(connect 4000\), 100 %/);
});

test('not even a failure is invalid', () => {
  const testCase = edited((_, blocks) => {
    for (const block of blocks) block.counts = { requests: 0 };
  });
  assert.equal(invalidReasons(testCase)[0], 'No request was answered.');
});

test('stolen CPU time is a warning beside the caveats, not a verdict', () => {
  const run = fixtureRun();
  const steal = (seconds: number) =>
    edited((_, blocks) =>
      blocks.forEach((block) => {
        block.cpu.stealSeconds = seconds;
      }),
    );
  const [little, much] = [steal(0.15), steal(0.17)];
  assert.deepEqual(warnings(little, run), []);
  assert.deepEqual(invalidReasons(much), []);
  const [warning] = warnings(much, run);
  assert.match(warning ?? '', /took 2\.125 %/);
  assert.deepEqual(warnings(much, { ...run, host: { ...run.host, cores: 4 } }), []);
});

test('a generator that is late by more than a tenth of what a client sees is a warning, quantile by quantile', () => {
  const run = fixtureRun();
  const late = (seconds: number) =>
    edited((_, blocks) =>
      blocks.forEach((block) => {
        block.durations.lateness = histogramOf(Array.from({ length: 400 }, () => seconds));
      }),
    );
  // The made-up p50 is between 0.6 and 1.2 ms, its p99 about twice that.
  assert.deepEqual(warnings(late(0.00005), run), []);
  const [warning] = warnings(late(0.00015), run);
  assert.match(
    warning ?? '',
    /^The generator's own lateness is as large as [\d.]+ % of the p50, [\d.]+ % of the p90 that/,
  );
});

test('CPU time of pods that the machine did not spend beyond idle is a warning', () => {
  const run = fixtureRun();
  const busyIdle = (cores: number) => ({
    ...run,
    idle: run.idle.map((window) => ({ ...window, busyCpuSeconds: cores * window.seconds })),
  });
  const testCase = edited(() => {});
  assert.deepEqual(warnings(testCase, run), []);
  const [warning, ...more] = warnings(testCase, busyIdle(0.2));
  assert.match(warning ?? '', /does not add up: the pods used [\d.]+ µs and the machine beyond idle -?[\d.]+ [nµm]s\./);
  assert.deepEqual(more, []);
});

function setArrivals(block: Block, changes: Partial<NonNullable<Block['arrivals']>>): void {
  Object.assign(block.arrivals ?? {}, changes);
}

function fail(block: Block, kinds: Record<string, number>): void {
  block.errors = { ...block.errors, kinds, count: Object.values(kinds).reduce((sum, count) => sum + count, 0) };
}
