import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import { z } from 'zod';
import { type LogRecord, parseLogLine } from './format.ts';
import type { LogWriter } from './writer.ts';

const flag = z.enum(['true', 'false', '1', '0']).transform((text) => text === 'true' || text === '1');

/** What is asked of a log (PodLogOptions, as the API server passes them on in the query). */
export const LogOptions = z.object({
  follow: flag.default(false),
  previous: flag.default(false),
  timestamps: flag.default(false),
  tailLines: z.coerce.number().int().nonnegative().optional(),
  limitBytes: z.coerce.number().int().positive().optional(),
  sinceSeconds: z.coerce.number().positive().optional(),
  sinceTime: z.iso.datetime({ offset: true }).optional(),
  stream: z.enum(['All', 'Stdout', 'Stderr']).default('All'),
});
export type LogOptions = z.infer<typeof LogOptions>;

/** The part of a {@link LogWriter} that a reader needs. */
export type LogSource = Pick<LogWriter, 'path' | 'events' | 'generation' | 'ended'>;

/**
 * Yields what `kubectl logs` prints of a log. With `follow` it ends when the container's log has: the last line is
 * delivered.
 */
export async function* readLog(source: LogSource, options: LogOptions, signal: AbortSignal): AsyncGenerator<Buffer> {
  const select = selector(options);
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const line of lines(source, options, signal)) {
    const record = parseLogLine(line);
    if (record === null || !select(record)) continue;
    const text = `${options.timestamps ? `${record.timestamp} ` : ''}${record.text}${record.partial ? '' : '\n'}`;
    const bytes = Buffer.from(text, 'latin1').subarray(0, left);
    left -= bytes.length;
    yield bytes;
    if (left <= 0) return;
  }
}

function selector({ sinceSeconds, sinceTime, stream }: LogOptions): (record: LogRecord) => boolean {
  const sinceMs =
    sinceTime !== undefined
      ? Date.parse(sinceTime)
      : sinceSeconds !== undefined
        ? Date.now() - sinceSeconds * 1000
        : Number.NEGATIVE_INFINITY;
  return (record) =>
    (stream === 'All' || stream.toLowerCase() === record.stream) && Date.parse(record.timestamp) >= sinceMs;
}

// Bytes are carried as Latin-1, one character for each, so that no character is cut in two.
async function* lines(source: LogSource, options: LogOptions, signal: AbortSignal): AsyncGenerator<string> {
  let generation = source.generation;
  let file = await open(source.path, 'r');
  try {
    let position = options.tailLines === undefined ? 0 : await tailPosition(file, options.tailLines);
    let rest = '';
    const buffer = Buffer.alloc(64 * 1024);
    for (;;) {
      // Asked before reading: what is written after the last read is then not missed.
      const { ended, generation: newest } = source;
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      if (bytesRead > 0) {
        position += bytesRead;
        const parts = (rest + buffer.toString('latin1', 0, bytesRead)).split('\n');
        rest = parts.pop() ?? '';
        yield* parts;
      } else if (newest !== generation) {
        generation = newest;
        const next = await open(source.path, 'r');
        const { ino } = await file.stat();
        // Opened at the very moment of a rotation, the file may be the new one already.
        if ((await next.stat()).ino === ino) await next.close();
        else {
          await file.close();
          file = next;
          position = 0;
        }
      } else if (!options.follow || ended || signal.aborted) {
        return;
      } else if (source.ended === ended && source.generation === newest && (await file.stat()).size <= position) {
        await changeOf(source, position, file, signal);
      }
    }
  } finally {
    await file.close();
  }
}

/** Waits for the next write. One that happens while we begin to wait is seen by its size. */
async function changeOf(source: LogSource, position: number, file: FileHandle, signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const change = once(source.events, 'change', { signal: AbortSignal.any([signal, stop.signal]) }).catch(() => null);
  if (source.ended || (await file.stat()).size > position) stop.abort();
  await change;
}

/** Where the last `count` lines begin. */
async function tailPosition(file: FileHandle, count: number): Promise<number> {
  const { size } = await file.stat();
  if (count === 0) return size;
  const buffer = Buffer.alloc(64 * 1024);
  let found = 0;
  for (let end = size; end > 0; ) {
    const begin = Math.max(0, end - buffer.length);
    const { bytesRead } = await file.read(buffer, 0, end - begin, begin);
    for (let index = bytesRead - 1; index >= 0; index--) {
      // The newline at the very end closes the last line.
      if (buffer[index] === 0x0a && begin + index !== size - 1 && ++found === count) return begin + index + 1;
    }
    end = begin;
  }
  return 0;
}
