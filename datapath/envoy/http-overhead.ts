import type { AddedBytes } from '../data-plane.ts';

/**
 * What the lab's Envoys add to HTTP/1.1 between a generator and the workload, however many of them there are, in bytes: the
 * first one puts `x-forwarded-proto: http` (25 with its end) and an `x-request-id` (52) before a request, and what is there
 * already the next one leaves. Envoy's other headers are off (`http-filters.ts`). What a client says of its own connection ends at
 * the first one: `connection: keep-alive` (24) or `connection: close` (19). To who said `close` it says so in
 * the answer. All else goes through with other capitals.
 * (Envoy's "HTTP header manipulation"; measured with Envoy 1.40, and held by `sidecar.e2e.test.ts`.)
 */
export const envoyAddedBytes: AddedBytes = { request: [77 - 24, 77], answer: [0, 19] };
