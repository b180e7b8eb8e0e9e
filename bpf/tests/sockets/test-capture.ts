import { createInterface } from 'node:readline';
import { exec } from '../../../clusters/exec.ts';
import { startProcess } from '../../../clusters/process.ts';

/** A capture on all links of this network namespace. */
export type Capture = {
  /** The packets so far that it was to see, one line each. */
  packets(): Promise<string[]>;
  end(): Promise<void>;
};

/** Whatever goes there says that all packets before it have been seen. */
const marker = { address: '192.168.77.2', port: 4242 };

/** Captures packets that tcpdump's filter names, from the moment that this resolves. */
export async function capture(filter: string): Promise<Capture> {
  const all = `(${filter}) or (host ${marker.address} and udp port ${marker.port})`;
  const child = startProcess('tcpdump', ['-i', 'any', '-n', '-l', '--immediate-mode', all]);
  if (child.stdout === null || child.stderr === null) throw new Error('tcpdump has no pipes');
  const lines: string[] = [];
  const output = createInterface(child.stdout);
  output.on('line', (line) => lines.push(line));
  // It says on which link it listens when it does.
  const complaints = createInterface(child.stderr);
  for await (const line of complaints) if (line.startsWith('listening on')) break;
  return {
    async packets() {
      const isMarked = new Promise<void>((resolve) => {
        output.on('line', (line) => {
          if (line.includes(marker.address)) resolve();
        });
      });
      await exec('bash', ['-c', `echo > /dev/udp/${marker.address}/${marker.port}`]);
      await isMarked;
      return lines.filter((line) => !line.includes(marker.address));
    },
    async end() {
      child.kill('SIGTERM');
      await child.ended;
    },
  };
}
