import { check, checkHandle, libbpf, releaseCallback, sampleCallback } from './libbpf.ts';
import type { BpfMap } from './map.ts';

/** A reader of a ring buffer. */
export type RingReader = {
  /** Hands over all records that are there. @returns how many. */
  consume(): number;
  close(): void;
};

/** Reads a ring buffer map; `handle` is given each record's bytes, which are the kernel's again after it returns. */
export function readRing(map: BpfMap, handle: (record: Uint8Array) => void): RingReader {
  const bpf = libbpf();
  const callback = sampleCallback(handle);
  const ring = checkHandle(`read ${map.name}`, bpf.newRing(map.fd, callback, null, null));
  return {
    consume: () => check(`read ${map.name}`, bpf.consumeRing(ring)),
    close() {
      bpf.freeRing(ring);
      releaseCallback(callback);
    },
  };
}
