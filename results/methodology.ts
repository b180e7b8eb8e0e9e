/**
 * The version of how the lab measures and computes, which every run records. methodology.md says what each version
 * changed; numbers of two versions are not comparable, except as ratios to their own run's `none`.
 */
export const methodologyVersion = 2;
