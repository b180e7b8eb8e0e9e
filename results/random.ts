/** A source of reproducible pseudo-random numbers: the same seed gives the same numbers on every machine. */
export type Random = {
  /** Uniform in [0, 1), in steps of 2^-32. */
  uniform(): number;
  /** A uniform integer in [0, bound); `bound` is far below 2^32, so the bias is below bound / 2^32. */
  below(bound: number): number;
  /** Standard normal (Box and Muller, 1958). */
  normal(): number;
};

/**
 * A generator for a seed: any safe integer.
 * The numbers come from xoshiro128** 1.1, the state from SplitMix64, as its authors advise (Blackman and Vigna,
 * "Scrambled linear pseudorandom number generators", ACM TOMS 47(4), 2021).
 */
export function random(seed: number): Random {
  const state = BigInt.asUintN(64, BigInt(seed));
  const [first, second] = splitmix64(state, 2) as [bigint, bigint];
  const word = (bits: bigint, shift: bigint) => Number(BigInt.asUintN(32, bits >> shift));
  const next = xoshiro128([word(first, 0n), word(first, 32n), word(second, 0n), word(second, 32n)]);
  const uniform = () => next() / 2 ** 32;
  return {
    uniform,
    below: (bound) => Math.floor(uniform() * bound),
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}

/** A copy of the list in random order (Fisher and Yates; Durstenfeld, CACM 7(7), 1964). */
export function shuffled<T>(values: readonly T[], { below }: Random): T[] {
  const copy = [...values];
  for (let last = copy.length - 1; last > 0; last--) {
    const other = below(last + 1);
    [copy[last], copy[other]] = [copy[other] as T, copy[last] as T];
  }
  return copy;
}

/** The first outputs of SplitMix64 from a 64-bit state. */
export function splitmix64(state: bigint, count: number): bigint[] {
  return Array.from({ length: count }, (_, index) => {
    let bits = BigInt.asUintN(64, state + BigInt(index + 1) * 0x9e3779b97f4a7c15n);
    bits = BigInt.asUintN(64, (bits ^ (bits >> 30n)) * 0xbf58476d1ce4e5b9n);
    bits = BigInt.asUintN(64, (bits ^ (bits >> 27n)) * 0x94d049bb133111ebn);
    return bits ^ (bits >> 31n);
  });
}

/** xoshiro128**: a function that gives the next unsigned 32-bit integer. The state must not be all zero. */
export function xoshiro128([a, b, c, d]: readonly [number, number, number, number]): () => number {
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return result;
  };
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
