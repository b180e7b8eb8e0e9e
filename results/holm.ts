/**
 * Adjusts p-values for that they are looked at together, so that with nothing to be found one of them falls below 0.05 in no
 * more than 5 % of families (Holm, Scandinavian Journal of Statistics 6(2), 1979). In the order given.
 */
export function holm(ps: readonly number[]): number[] {
  const order = [...ps.keys()].sort((one, other) => (ps[one] as number) - (ps[other] as number));
  const adjusted = new Array<number>(ps.length).fill(1);
  let most = 0;
  for (const [rank, index] of order.entries()) {
    most = Math.max(most, Math.min(1, (ps[index] as number) * (ps.length - rank)));
    adjusted[index] = most;
  }
  return adjusted;
}
