import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paired } from '../../results/paired.ts';
import { type Random, random } from '../../results/random.ts';
import { defaultReplacements, measurePass } from './replacement.ts';

test('a spoiled turn is taken again at the end of its pass, as long as the budget lasts', async () => {
  const spoils = ['b', 'b', 'd'];
  assert.deepEqual(await turnsTaken(['a', 'b', 'c', 'd'], spoils, 9), ['a', 'b', 'c', 'd', 'b', 'd', 'b']);
  assert.deepEqual(await turnsTaken(['a', 'b', 'c', 'd'], spoils, 1), ['a', 'b', 'c', 'd', 'b']);
  assert.deepEqual(await turnsTaken(['a', 'b', 'c', 'd'], spoils, 0), ['a', 'b', 'c', 'd']);
});

// With a share of windows spoiled that comes in fits, each of which makes latencies up to three times as long.
test('replaced blocks bias no ratio, and its interval contains the truth as often as it says', async () => {
  const [runs, truth] = [1000, Math.log(1.1)];
  const source = random(14);
  let [held, sum, all] = [0, 0, 0];
  for (let run = 0; run < runs; run++) {
    const { sound, unjudged } = await simulatedRun(truth, source);
    const { ratio } = paired(sound.other, sound.none);
    assert.ok(ratio?.interval);
    sum += Math.log(ratio.estimate) - truth;
    if (ratio.interval[0] <= Math.exp(truth) && truth <= Math.log(ratio.interval[1])) held += 1;
    all += widthOf(paired(unjudged.other, unjudged.none)) / widthOf(paired(sound.other, sound.none)) / runs;
  }
  // 95 % within three standard errors, and the mean error within four of its own.
  assert.ok(held / runs > 0.93 && held / runs < 0.985, `${held} of ${runs} intervals contain the truth`);
  assert.ok(Math.abs(sum / runs) < 0.0035, `the ratios are ${sum / runs} off`);
  assert.ok(all > 1.25, `without replacement intervals are ${all} times as wide`);
});

type Values = { none: Map<number, number>; other: Map<number, number> };

/** Latencies of 20 passes: those of sound blocks, and those of all first blocks as if nobody had judged. */
async function simulatedRun(truth: number, source: Random): Promise<{ sound: Values; unjudged: Values }> {
  const passes = 20;
  const sound: Values = { none: new Map(), other: new Map() };
  const unjudged: Values = { none: new Map(), other: new Map() };
  const budget = { left: defaultReplacements(2 * passes) };
  let disturbed = false;
  for (let pass = 0; pass < passes; pass++) {
    const common = 0.2 * source.normal();
    const turns = source.uniform() < 0.5 ? (['none', 'other'] as const) : (['other', 'none'] as const);
    await measurePass<'none' | 'other'>(turns, budget, {
      async measure(turn) {
        disturbed = source.uniform() < (disturbed ? 0.5 : 0.06);
        const logarithm = common + 0.085 * source.normal() + (turn === 'other' ? truth : 0);
        const value = Math.exp(logarithm + (disturbed ? 1.1 * source.uniform() : 0));
        if (!unjudged[turn].has(pass)) unjudged[turn].set(pass, value);
        if (!disturbed) sound[turn].set(pass, value);
        return disturbed ? 'A processor stood still.' : null;
      },
    });
  }
  return { sound, unjudged };
}

function widthOf({ ratio }: ReturnType<typeof paired>): number {
  return Math.log(ratio?.interval?.[1] ?? 1) - Math.log(ratio?.interval?.[0] ?? 1);
}

async function turnsTaken(turns: readonly string[], spoils: readonly string[], budget: number): Promise<string[]> {
  const taken: string[] = [];
  const left = [...spoils];
  await measurePass(
    turns,
    { left: budget },
    {
      async measure(turn, again) {
        assert.equal(again, taken.length >= turns.length);
        taken.push(turn);
        const spoil = left.indexOf(turn);
        if (spoil < 0) return null;
        left.splice(spoil, 1);
        return 'spoiled';
      },
    },
  );
  return taken;
}
