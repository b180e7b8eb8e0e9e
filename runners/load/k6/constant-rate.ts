/**
 * Constant arrival rate of GET requests over a fixed number of shared connections. What is asked comes from the
 * environment: URL, HEADERS (JSON; optional), RATE (requests per second), CONNECTIONS, BODY_BYTES, WARMUP_SECONDS,
 * DURATION_SECONDS, TIMEOUT_SECONDS.
 */
import { Client } from 'k6/x/lab';

const number = (name: string): number => {
  const value = Number(__ENV[name]);
  if (__ENV[name] === undefined || !Number.isFinite(value)) throw new Error(`${name} must be set to a number`);
  return value;
};

const rate = number('RATE');
const warmupSeconds = number('WARMUP_SECONDS');
const durationSeconds = number('DURATION_SECONDS');
const timeoutMs = number('TIMEOUT_SECONDS') * 1000;

/** The executor goes on a little longer than it must, so that the last tick cannot be lost to its own end. */
const tailSeconds = 0.05;

/**
 * An iteration only records an arrival, in some microseconds. What virtual users are needed for is the generator's own
 * hiccups: the ticks of one all fall due at once. So many let 50 ms pass without a dropped iteration at 1000/s; a
 * hundred cost 0.1 s of CPU to start.
 */
const virtualUsers = Math.min(100, Math.max(16, Math.ceil(rate * 0.05)));

export const options = {
  scenarios: {
    load: {
      executor: 'constant-arrival-rate',
      rate,
      timeUnit: '1s',
      duration: `${Math.ceil((warmupSeconds + durationSeconds + tailSeconds) * 1000)}ms`,
      preAllocatedVUs: virtualUsers,
      maxVUs: virtualUsers,
      gracefulStop: '0s',
    },
  },
  systemTags: [],
  noCookiesReset: true,
  discardResponseBodies: true,
  setupTimeout: `${timeoutMs + 1000}ms`,
  teardownTimeout: `${timeoutMs + 1000}ms`,
};

const client = new Client({
  url: __ENV.URL,
  headers: JSON.parse(__ENV.HEADERS ?? '{}'),
  connections: number('CONNECTIONS'),
  bodyBytes: number('BODY_BYTES'),
  rate,
  warmupSeconds,
  durationSeconds,
  timeoutMs,
});

export function setup(): void {
  client.connect();
}

export default function get(): void {
  client.get();
}

export function teardown(): void {
  client.drain(timeoutMs);
}
