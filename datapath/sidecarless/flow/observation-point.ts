/** Where a packet or socket was seen: Hubble's names, by their numbers in `enum observation_point` of bpf/lib/abi.h. */
export const observationPoints = {
  'to-endpoint': 0,
  'pre-xlate-fwd': 1,
  'post-xlate-fwd': 2,
  'to-stack': 3,
  'post-xlate-rev': 4,
  'from-endpoint': 5,
  'from-network': 10,
  'to-network': 11,
} as const;

export type ObservationPoint = keyof typeof observationPoints;

export const pointNames: ReadonlyMap<number, ObservationPoint> = new Map(
  Object.entries(observationPoints).map(([name, number]) => [number, name as ObservationPoint]),
);

/** Those where a socket's address is replaced, as Hubble's `sock_xlate_point` calls them. */
export const translationPoints = {
  'pre-xlate-fwd': 'SOCK_XLATE_POINT_PRE_DIRECTION_FWD',
  'post-xlate-fwd': 'SOCK_XLATE_POINT_POST_DIRECTION_FWD',
  'post-xlate-rev': 'SOCK_XLATE_POINT_POST_DIRECTION_REV',
} as const satisfies Partial<Record<ObservationPoint, string>>;

/** Those where packets pass, as Hubble's `trace_observation_point` calls them. */
export const tracePoints = {
  'to-endpoint': 'TO_ENDPOINT',
  'to-stack': 'TO_STACK',
  'to-network': 'TO_NETWORK',
  'from-endpoint': 'FROM_ENDPOINT',
  'from-network': 'FROM_NETWORK',
} as const satisfies Partial<Record<ObservationPoint, string>>;
