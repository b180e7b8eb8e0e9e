/** The two streams of a container. */
export type LogStreamName = 'stdout' | 'stderr';

/** One record of a container's log. `partial`: the line goes on in the next record of its stream. */
export type LogRecord = { timestamp: string; stream: LogStreamName; partial: boolean; text: string };

/** Longer lines are split: containerd's limit. */
export const longestLineBytes = 16 * 1024;

const newline = 0x0a;

/**
 * Cuts a stream of bytes into lines of the CRI log format, `<RFC 3339 time> <stream> <F|P> <text>\n`
 * (https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md).
 */
export function logFormatter(stream: LogStreamName): {
  format(chunk: Buffer, timestamp: string): Buffer;
  flush(timestamp: string): Buffer;
} {
  let rest = Buffer.alloc(0);
  const record = (timestamp: string, tag: 'F' | 'P', text: Buffer): Buffer[] => [
    Buffer.from(`${timestamp} ${stream} ${tag} `),
    text,
    Buffer.of(newline),
  ];
  return {
    format(chunk, timestamp) {
      const parts: Buffer[] = [];
      let pending = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      for (;;) {
        const end = pending.indexOf(newline);
        const length = end === -1 ? pending.length : end;
        if (length > longestLineBytes) {
          parts.push(...record(timestamp, 'P', pending.subarray(0, longestLineBytes)));
          pending = pending.subarray(longestLineBytes);
        } else if (end === -1) {
          break;
        } else {
          parts.push(...record(timestamp, 'F', pending.subarray(0, end)));
          pending = pending.subarray(end + 1);
        }
      }
      rest = Buffer.from(pending);
      return Buffer.concat(parts);
    },
    flush(timestamp) {
      const parts = rest.length === 0 ? [] : record(timestamp, 'F', rest);
      rest = Buffer.alloc(0);
      return Buffer.concat(parts);
    },
  };
}

/** One line of a log file (without its newline), null when it is none of the format. */
export function parseLogLine(line: string): LogRecord | null {
  const match = /^(\S+) (stdout|stderr) ([FP]) ?([\s\S]*)$/.exec(line);
  if (match === null) return null;
  const [, timestamp = '', stream, tag, text = ''] = match;
  return { timestamp, stream: stream as LogStreamName, partial: tag === 'P', text };
}

/** Now, as RFC 3339 with microseconds: one millisecond is too coarse to order a log. */
export function logTimestamp(): string {
  const micros = Math.round((performance.timeOrigin + performance.now()) * 1000);
  const milliseconds = Math.floor(micros / 1000);
  return `${new Date(milliseconds).toISOString().slice(0, -1)}${String(micros % 1000).padStart(3, '0')}000Z`;
}
