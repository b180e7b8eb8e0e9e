import { wireAddress } from '../address/address.ts';

/** An address as the kernel has it: `AF_INET` or `AF_INET6`, and 4 or 16 bytes. */
export type InternetAddress = { family: 2 | 10; bytes: Uint8Array };

export function internetAddress(text: string): InternetAddress {
  const bytes = wireAddress(text);
  return { family: bytes.length === 4 ? 2 : 10, bytes };
}
