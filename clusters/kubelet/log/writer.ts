import { EventEmitter } from 'node:events';
import { type FileHandle, link, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { type LogStreamName, logFormatter, logTimestamp } from './format.ts';

/** Kubelet's defaults (containerLogMaxSize, containerLogMaxFiles). */
const rotation = { bytes: 10 * 1024 * 1024, files: 5 };

/** The log of one run of a container: written by us, and read while it is being written. */
export class LogWriter {
  readonly path: string;
  /** Emits `change` after every write and at the end. */
  readonly events = new EventEmitter();
  /** How many times the file has been moved away and begun anew. */
  generation = 0;
  ended = false;
  readonly #limit: typeof rotation;
  #current: FileHandle;
  #size = 0;
  #queue: Promise<void> = Promise.resolve();

  private constructor(path: string, file: FileHandle, limit: typeof rotation) {
    this.path = path;
    this.#current = file;
    this.#limit = limit;
    this.events.setMaxListeners(0);
  }

  static async create(path: string, limit = rotation): Promise<LogWriter> {
    await mkdir(dirname(path), { recursive: true });
    return new LogWriter(path, await open(path, 'a'), limit);
  }

  /** Copies the streams into the file until both have ended; the last line is in it when the promise resolves. */
  async record(streams: Readonly<Record<LogStreamName, Readable>>): Promise<void> {
    await Promise.all([this.#copy('stdout', streams.stdout), this.#copy('stderr', streams.stderr)]);
    await this.#queue;
    await this.#current.close();
    this.ended = true;
    this.events.emit('change');
  }

  async #copy(name: LogStreamName, stream: Readable): Promise<void> {
    const formatter = logFormatter(name);
    try {
      for await (const chunk of stream) await this.#write(formatter.format(chunk as Buffer, logTimestamp()));
    } catch {
      // The pipe broke with the container; what it carried is written.
    }
    await this.#write(formatter.flush(logTimestamp()));
  }

  #write(data: Buffer): Promise<void> {
    if (data.length === 0) return this.#queue;
    this.#queue = this.#queue.then(async () => {
      if (this.#size > 0 && this.#size + data.length > this.#limit.bytes) await this.#rotate();
      await this.#current.write(data);
      this.#size += data.length;
      this.events.emit('change');
    });
    // A full disk loses log lines; it does not end the container.
    this.#queue = this.#queue.catch(() => undefined);
    return this.#queue;
  }

  async #rotate(): Promise<void> {
    await this.#current.close();
    await link(this.path, `${this.path}.${new Date().toISOString().replace(/\D/g, '')}`);
    // A rename over the old name: a reader always finds a file there.
    const next = `${this.path}_next`;
    this.#current = await open(next, 'w');
    await rename(next, this.path);
    this.#size = 0;
    this.generation++;
    const prefix = `${basename(this.path)}.`;
    const rotated = (await readdir(dirname(this.path))).filter((name) => name.startsWith(prefix)).sort();
    for (const name of rotated.slice(0, Math.max(0, rotated.length - (this.#limit.files - 1)))) {
      await rm(join(dirname(this.path), name), { force: true });
    }
  }
}
