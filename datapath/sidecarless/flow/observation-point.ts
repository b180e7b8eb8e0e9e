import { numbers } from '../abi/numbers.ts';

/** Where a packet or socket was seen, with Hubble's names. */
const names = {
  TO_ENDPOINT: 'to-endpoint',
  PRE_XLATE_FWD: 'pre-xlate-fwd',
  POST_XLATE_FWD: 'post-xlate-fwd',
  TO_STACK: 'to-stack',
  POST_XLATE_REV: 'post-xlate-rev',
  FROM_ENDPOINT: 'from-endpoint',
  FROM_NETWORK: 'from-network',
  TO_NETWORK: 'to-network',
} as const satisfies Readonly<Record<keyof typeof numbers.observation_point, string>>;

export type ObservationPoint = (typeof names)[keyof typeof names];

const points = Object.entries(names) as [keyof typeof names, ObservationPoint][];

export const pointNames: ReadonlyMap<number, ObservationPoint> = new Map(
  points.map(([point, name]) => [numbers.observation_point[point], name]),
);

/** By name, the number that the kernel side and Hubble have for it. */
export const observationPoints = Object.fromEntries(
  points.map(([point, name]) => [name, numbers.observation_point[point]]),
) as Readonly<Record<ObservationPoint, number>>;

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
