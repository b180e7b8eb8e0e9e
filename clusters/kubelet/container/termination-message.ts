import { readFile } from 'node:fs/promises';
import type { V1Container } from '@kubernetes/client-node';
import { parseLogLine } from '../log/format.ts';

/** The end of a log that stands in for a termination message. */
const fallbackLines = 80;
const fallbackBytes = 2048;

/** What a container said last: its termination message, or the end of its log where it asks for that and failed. */
export async function terminationMessage(
  { message, exitCode }: { message: string; exitCode: number },
  { terminationMessagePolicy }: V1Container,
  logPath: string,
): Promise<string> {
  if (message !== '' || exitCode === 0 || terminationMessagePolicy !== 'FallbackToLogsOnError') {
    return message;
  }
  const text = await readFile(logPath, 'utf8').catch(() => '');
  const records = text
    .replace(/\n$/, '')
    .split('\n')
    .slice(-fallbackLines)
    .flatMap((line) => parseLogLine(line) ?? []);
  const said = records.map(({ text, partial }) => (partial ? text : `${text}\n`)).join('');
  return Buffer.from(said).subarray(-fallbackBytes).toString();
}
