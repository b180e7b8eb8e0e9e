import { z } from 'zod';
import { type Cidr, cidrContains, parseCidr } from '../address/cidr.ts';

/** `10.0.0.0/8`; the prefix must be there. */
export const Prefix = z.string().transform((text, context): Cidr => {
  const cidr = text.includes('/') ? parseCidr(text) : null;
  if (cidr !== null) return cidr;
  context.addIssue('not a CIDR of IPv4 or IPv6');
  return z.NEVER;
});

/** `10.0.0.0/8`, or one address. */
export const AddressOrPrefix = z.string().transform((text, context): Cidr => {
  const cidr = parseCidr(text);
  if (cidr !== null) return cidr;
  context.addIssue('neither a CIDR nor an address of IPv4 or IPv6');
  return z.NEVER;
});

/** A range with holes. */
export const CidrRule = z
  .strictObject({ cidr: Prefix, except: z.array(Prefix).default([]) })
  .superRefine(({ cidr, except }, context) => {
    for (const [index, hole] of except.entries()) {
      if (cidrContains(cidr, hole)) continue;
      context.addIssue({ code: 'custom', path: ['except', index], message: `not inside ${cidr.text}` });
    }
  });
