import { z } from 'zod';

/** A number, or why there is none. */
export const Figure = z.union([
  z.strictObject({ value: z.number(), reason: z.null() }),
  z.strictObject({ value: z.null(), reason: z.string().min(1) }),
]);
export type Figure = z.infer<typeof Figure>;

export function figure(value: number): Figure {
  return { value, reason: null };
}

export function missing(reason: string): Figure {
  return { value: null, reason };
}

/** The sum of figures; missing, with its reason, as soon as one of them is. */
export function sumOf(figures: readonly Figure[]): Figure {
  let sum = 0;
  for (const one of figures) {
    if (one.value === null) return one;
    sum += one.value;
  }
  return figure(sum);
}

/** The figure divided by a number; missing where that is 0. `of` says in words what there was none of. */
export function dividedBy(one: Figure, divisor: number, of: string): Figure {
  if (one.value === null) return one;
  return divisor === 0 ? missing(`there were no ${of}`) : figure(one.value / divisor);
}
