import { LabError } from '../../../clusters/error.ts';
import { addressNumber } from '../address/address.ts';
import { type Cidr, cidrContains, parseCidr } from '../address/cidr.ts';

/**
 * Reads the range of a node's pods: `10.244.1.0/24` or `fd00:10:244:1::/64`.
 * @throws LabError LAB_CIDR_INVALID for anything else, and where bits after the prefix are set.
 */
export function podRange(text: string): Cidr {
  const cidr = text.includes('/') ? parseCidr(text) : null;
  if (cidr === null) {
    throw new LabError('LAB_CIDR_INVALID', { message: `"${text}" is no range of addresses such as 10.244.1.0/24` });
  }
  if (addressNumber(text.slice(0, text.indexOf('/'))) !== cidr.first) {
    throw new LabError('LAB_CIDR_INVALID', {
      message: `${text} does not begin where its range does: ${cidr.text}`,
    });
  }
  return cidr;
}

export function isInRange(range: Cidr, address: string): boolean {
  const own = parseCidr(address);
  return own !== null && cidrContains(range, own);
}
