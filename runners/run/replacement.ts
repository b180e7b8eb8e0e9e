/** How many windows of a stage may still be measured again. */
export type Budget = { left: number };

/**
 * Measures the turns of one pass. One whose window the machine has spoiled has another turn at the end of the same pass, so
 * that pairs stay within it, and others as long as they are spoiled too and the budget lasts.
 * @param measure measures one turn and says why it was spoiled, null where it was not.
 */
export async function measurePass<T>(
  turns: readonly T[],
  budget: Budget,
  { measure }: { measure: (turn: T, again: boolean) => Promise<string | null> },
): Promise<void> {
  const again: T[] = [];
  const take = async (turn: T, isAgain: boolean): Promise<void> => {
    const spoiled = await measure(turn, isAgain);
    if (spoiled === null || budget.left === 0) return;
    budget.left -= 1;
    again.push(turn);
  };
  for (const turn of turns) await take(turn, false);
  for (let turn = again.shift(); turn !== undefined; turn = again.shift()) await take(turn, true);
}

/** The budget where none is asked for: a quarter of all windows, idle ones included, rounded up. */
export function defaultReplacements(windows: number): number {
  return Math.ceil(windows / 4);
}
