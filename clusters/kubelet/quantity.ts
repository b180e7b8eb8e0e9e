const multipliers: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/**
 * A Kubernetes resource quantity (`500m`, `1.5Gi`, `2e3`) in its base unit (cores, bytes).
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
export function parseQuantity(text: string): number {
  const [, number, suffix] = /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)([numk]|[KMGTPE]i|[MGTPE]|)$/.exec(text.trim()) ?? [];
  const multiplier = multipliers[suffix ?? '?'];
  if (number === undefined || multiplier === undefined) throw new TypeError(`"${text}" is no resource quantity`);
  return Number(number) * multiplier;
}
