import { type Random, shuffled } from '../../results/random.ts';

/** Orders that are made, of which the one that repeats the least is taken. */
const tries = 20;

/**
 * The order of turns in each pass: numbers from 0 to `count` - 1, each once. What a turn leaves behind (a warm cache, memory
 * to be reclaimed) falls on the one after it, so over all passes every turn comes equally often right after every other one,
 * and equally often in every place, as far as the number of passes allows.
 *
 * Passes are rows of Williams's designs (Australian Journal of Scientific Research A 2, 1949, 149–168), whose turns are named
 * at random. Of the rows that are left the next pass takes, at random, one of those that repeat the least, its first turn
 * after the last one of the pass before included.
 */
export function turnsOf(count: number, passes: number, random: Random): number[][] {
  const orders = Array.from({ length: tries }, () => orderOf(count, passes, random));
  const [best] = orders.toSorted((one, other) => one.repeats - other.repeats);
  return best?.order ?? [];
}

type Order = { order: number[][]; repeats: number };

function orderOf(count: number, passes: number, random: Random): Order {
  const followed = Array.from({ length: count }, () => new Array<number>(count).fill(0));
  const order: number[][] = [];
  let repeats = 0;
  let left: number[][] = [];
  while (order.length < passes) {
    if (left.length === 0) left = named(designOf(count), random);
    const before = order.at(-1)?.at(-1);
    const [next, repeated] = leastRepeated(left, before, followed, random);
    left = left.filter((row) => row !== next);
    for (const [turn, after] of pairsOf(next, before)) {
      const times = followed[turn] as number[];
      times[after] = (times[after] ?? 0) + 1;
    }
    order.push(next);
    repeats += repeated;
  }
  return { order, repeats };
}

function leastRepeated(
  rows: readonly number[][],
  before: number | undefined,
  followed: readonly number[][],
  random: Random,
): [row: number[], repeats: number] {
  const repeats = rows.map((row) => repeatsOf(row, before, followed));
  const least = Math.min(...repeats);
  const [row = []] = shuffled(
    rows.filter((_, index) => repeats[index] === least),
    random,
  );
  return [row, least];
}

/**
 * Rows of a Latin square, cyclic about 0, 1, -1, 2, -2 …: with an even number every ordered pair is in it once. With an odd
 * one only half of them are, twice; the mirrored rows have the others.
 */
function designOf(count: number): number[][] {
  const zigzag = Array.from({ length: count }, (_, place) => (place % 2 === 1 ? (place + 1) / 2 : count - place / 2));
  const rows = Array.from({ length: count }, (_, shift) => zigzag.map((turn) => (turn + shift) % count));
  return count % 2 === 0 ? rows : [...rows, ...rows.map((row) => row.toReversed())];
}

/** The same rows with other names for the turns. */
function named(rows: readonly number[][], random: Random): number[][] {
  const names = shuffled([...(rows[0] ?? [])], random);
  return rows.map((row) => row.map((turn) => names[turn] as number));
}

function repeatsOf(row: readonly number[], before: number | undefined, followed: readonly number[][]): number {
  return pairsOf(row, before).reduce((sum, [turn, after]) => sum + (followed[turn]?.[after] ?? 0), 0);
}

function pairsOf(row: readonly number[], before: number | undefined): [turn: number, after: number][] {
  return row.flatMap((after, place): [number, number][] => {
    const turn = place === 0 ? before : row[place - 1];
    return turn === undefined ? [] : [[turn, after]];
  });
}
