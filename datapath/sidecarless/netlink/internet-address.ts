import { addressNumber, familyOf } from '../cni/cidr.ts';

/** An address as the kernel has it: `AF_INET` or `AF_INET6`, and 4 or 16 bytes. */
export type InternetAddress = { family: 2 | 10; bytes: Uint8Array };

export function internetAddress(text: string): InternetAddress {
  const isV6 = familyOf(text) === 6;
  const bytes = Buffer.from(
    addressNumber(text)
      .toString(16)
      .padStart(isV6 ? 32 : 8, '0'),
    'hex',
  );
  return { family: isV6 ? 10 : 2, bytes };
}

/** The bytes of `02:00:00:00:00:01`. */
export function linkAddress(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}
