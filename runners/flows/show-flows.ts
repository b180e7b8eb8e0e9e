import type { Writable } from 'node:stream';
import type { FlowLine } from '../../datapath/flow-query.ts';
import { FlowOrder, type TimedLine } from './flow-order.ts';

const flushEveryMs = 100;

export type ShowFlowsOptions = {
  /** Each tells the flows of some nodes, as {@link DataPlane.flows} does. */
  sources: readonly ((tell: (line: FlowLine) => void) => Promise<void>)[];
  last: number;
  follow: boolean;
  json: boolean;
  signal: AbortSignal;
  stdout: Writable;
  stderr: Writable;
};

/**
 * Prints flows in the order of their times, and notices to `stderr`.
 * @returns the exit code: to be interrupted is how following ends.
 */
export async function showFlows(options: ShowFlowsOptions): Promise<number> {
  const { sources, last, follow, json, signal, stdout, stderr } = options;
  const order = new FlowOrder();
  const tell = (line: FlowLine): void => {
    if (line.kind === 'notice') stderr.write(`lab: ${line.text}\n`);
    else order.push(line, performance.now());
  };
  const print = (lines: readonly TimedLine[]): void => {
    if (lines.length === 0) return;
    stdout.write(lines.map(({ text, json: object }) => `${json ? JSON.stringify(object) : text}\n`).join(''));
  };
  const flushing = follow ? setInterval(() => print(order.take(performance.now())), flushEveryMs) : undefined;
  try {
    await Promise.all(sources.map((source) => source(tell)));
  } catch (error) {
    if (!(follow && signal.aborted)) throw error;
  } finally {
    clearInterval(flushing);
  }
  const rest = order.drain();
  // Each node has told as many as are asked for.
  print(follow ? rest : rest.slice(Math.max(0, rest.length - last)));
  return signal.aborted ? 130 : 0;
}
