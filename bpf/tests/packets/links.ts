import { z } from 'zod';
import { exec } from '../../../clusters/exec.ts';

/** Interface indexes by name. */
export type Links = Readonly<Record<string, number>>;

const Link = z.object({ ifname: z.string(), ifindex: z.number() });

/** Makes links in this network namespace: the kernel runs a program only at those that exist. */
export async function addLinks(names: readonly string[], mtuBytes: number): Promise<Links> {
  const batch = names.map(
    (name) => `link add ${name} mtu ${mtuBytes} type veth peer name ${name}-peer\nlink set ${name} up\n`,
  );
  await exec('ip', ['-batch', '-'], { input: batch.join('') });
  const { stdout } = await exec('ip', ['-j', 'link', 'show']);
  const all = z.array(Link).parse(JSON.parse(stdout));
  return Object.fromEntries(all.map(({ ifname, ifindex }) => [ifname, ifindex]));
}

export async function removeLinks(names: readonly string[]): Promise<void> {
  await exec('ip', ['-batch', '-'], { input: names.map((name) => `link del ${name}\n`).join('') });
}
