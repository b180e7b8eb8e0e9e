import koffi from 'koffi/indirect';
import { LabError } from '../../../clusters/error.ts';
import type { BpfMap } from './map.ts';

/** A reader of a ring buffer. There is one for each map: it says how far everybody has read. */
export type RingReader = {
  /** Hands over the records that are there now, and none that come meanwhile. @returns how many. */
  consume(): number;
  close(): void;
};

const headerSize = 8;
const busy = 1 << 31;
const discarded = 1 << 30;

/**
 * Reads a ring buffer map in place, as Linux's Documentation/bpf/ringbuf.rst has it: libbpf would call
 * back into JavaScript for each record. `handle` is given each record's bytes, which are the kernel's again after it returns.
 * @param size bytes that the map holds.
 * @throws LabError LAB_BPF_FAILED where the map cannot be mapped into memory.
 */
export function readRing(map: BpfMap, size: number, handle: (record: Uint8Array) => void): RingReader {
  const pageSize = libc().getpagesize();
  const consumerPage = mapped(map, pageSize, 0, readable | writable);
  // The data is there twice, one after the other, so that no record is in two pieces.
  const producer = mapped(map, pageSize + 2 * size, pageSize, readable);
  const consumed = new BigInt64Array(consumerPage.bytes, 0, 1);
  const produced = new BigInt64Array(producer.bytes, 0, 1);
  const headers = new Int32Array(producer.bytes, pageSize);
  const data = new Uint8Array(producer.bytes, pageSize);
  const mask = size - 1;
  return {
    consume() {
      let count = 0;
      let position = Number(consumed[0] ?? 0n);
      // Atomics: what is read after a position or a header is not older than that.
      const end = Number(Atomics.load(produced, 0));
      while (position < end) {
        const at = position & mask;
        const header = Atomics.load(headers, at / 4);
        // Somebody is still writing it, and those behind it have to wait.
        if ((header & busy) !== 0) return count;
        const length = header & ~discarded;
        position += Math.ceil((length + headerSize) / 8) * 8;
        try {
          if ((header & discarded) === 0) {
            handle(data.subarray(at + headerSize, at + headerSize + length));
            count++;
          }
        } finally {
          // Also what could not be handled: nobody shall meet it again.
          Atomics.store(consumed, 0, BigInt(position));
        }
      }
      return count;
    },
    close() {
      consumerPage.unmap();
      producer.unmap();
    },
  };
}

const readable = 1;
const writable = 2;
const shared = 1;

type Mapping = { bytes: ArrayBuffer; unmap(): void };

function mapped(map: BpfMap, length: number, offset: number, protection: number): Mapping {
  const { mmap, munmap } = libc();
  const address = mmap(null, length, protection, shared, map.fd, offset);
  if (koffi.address(address as never) === 0xffffffffffffffffn) {
    throw new LabError('LAB_BPF_FAILED', { message: `${map.name}: mmap: errno ${koffi.errno()}` });
  }
  return {
    bytes: koffi.view(address as never, length) as ArrayBuffer,
    unmap: () => void munmap(address, length),
  };
}

type Libc = {
  mmap(at: null, length: number, protection: number, flags: number, fd: number, offset: number): unknown;
  munmap(address: unknown, length: number): number;
  getpagesize(): number;
};

let loaded: Libc | null = null;

function libc(): Libc {
  if (loaded === null) {
    const library = koffi.load('libc.so.6');
    loaded = {
      mmap: library.func(
        'void *mmap(void *at, size_t length, int protection, int flags, int fd, int64_t offset)',
      ) as never,
      munmap: library.func('int munmap(void *address, size_t length)') as never,
      getpagesize: library.func('int getpagesize(void)') as never,
    };
  }
  return loaded;
}
