/** Low and high end of a 95 % confidence interval, both included. */
export type Interval = [low: number, high: number];
