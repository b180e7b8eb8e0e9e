import { networkInterfaces } from 'node:os';

const everyMs = 10_000;

/**
 * The addresses of the node's own links, looked at again now and then until the signal aborts: more than the API knows,
 * such as those of a DNS cache or of a container engine's bridge. What only one link or one program can reach is left out.
 */
export function watchOwnAddresses({ signal, onChange }: { signal: AbortSignal; onChange: () => void }): {
  list(): readonly string[];
} {
  let addresses = ownAddresses();
  const timer = setInterval(() => {
    const now = ownAddresses();
    if (now.join() === addresses.join()) return;
    addresses = now;
    onChange();
  }, everyMs);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  return { list: () => addresses };
}

function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address));
  return [...new Set(all.filter((address) => !/^(127\.|::1$|fe[89ab])/.test(address)))].toSorted();
}
