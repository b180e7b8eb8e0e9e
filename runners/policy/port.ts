import { type PolicyProtocol, policyProtocols } from '../../datapath/policy-question.ts';
import { usageError } from '../cli/arguments.ts';
import { didYouMean } from '../cli/suggestion.ts';

/** A port of a protocol; for ICMP `port` is the type. */
export type TracedPort = { port: number; protocol: PolicyProtocol };

/** Reads `80`, `53/UDP`, `8/ICMP`. @throws LabError LAB_USAGE about what is wrong. */
export function parsePort(text: string | null): TracedPort {
  if (text === null) throw usageError('policy', '`lab policy trace` needs --port: PORT, PORT/PROTOCOL, or TYPE/ICMP');
  const [number = '', word = 'TCP', ...rest] = text.split('/');
  const protocol = policyProtocols.find((one) => one === word.toUpperCase());
  if (protocol === undefined || rest.length > 0) {
    const near = didYouMean(word.toUpperCase(), policyProtocols);
    throw usageError('policy', `--port "${text}" has no protocol that is known${near}: ${policyProtocols.join(', ')}`);
  }
  const [first, last] = protocol === 'ICMP' ? [0, 255] : [1, 65535];
  const port = Number(number);
  if (/^\d+$/.test(number) && first <= port && port <= last) return { port, protocol };
  const what = protocol === 'ICMP' ? 'a type of ICMP' : 'a port';
  throw usageError('policy', `--port "${text}" is not ${what}: that is a number from ${first} to ${last}`);
}

/** `TCP 80`, `ICMP type 8`. */
export function portText({ port, protocol }: TracedPort): string {
  return protocol === 'ICMP' ? `ICMP type ${port}` : `${protocol} ${port}`;
}
