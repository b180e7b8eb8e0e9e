import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { defaultRouteOf, gatewayOf, withPrefix } from './gateway.ts';
import { linkIdentity } from './link-identity.ts';
import type { CniRequest } from './request.ts';

/** The answer to ADD, in the request's version of the specification. */
export function addResult(request: CniRequest, addresses: readonly string[]): object {
  const { ifname, netns, config } = request;
  const { hostName, mac, nodeMac } = linkIdentity(request);
  // Only versions before 1.0.0 have it, and there it must be.
  const version = (address: string): object =>
    config.cniVersion === '0.4.0' ? { version: isIPv6(address) ? '6' : '4' } : {};
  return {
    cniVersion: config.cniVersion,
    interfaces: [
      { name: hostName, mac: nodeMac },
      { name: ifname, mac, sandbox: netns },
    ],
    ips: addresses.map((address) => ({
      ...version(address),
      address: withPrefix(address),
      gateway: gatewayOf(address),
      interface: 1,
    })),
    routes: addresses.map((address) => ({ dst: defaultRouteOf(address), gw: gatewayOf(address) })),
    dns: {},
  };
}

const AddResult = z.looseObject({
  interfaces: z.array(z.looseObject({ name: z.string(), sandbox: z.string().optional() })).optional(),
  ips: z.array(z.looseObject({ address: z.string(), interface: z.int().optional() })).optional(),
});

/** The addresses that an ADD's answer gives to the pod's interface, without prefix length; null where it is no answer. */
export function addressesOfResult(value: unknown, ifname: string): string[] | null {
  const result = AddResult.safeParse(value);
  if (!result.success) return null;
  const { interfaces = [], ips = [] } = result.data;
  return ips
    .filter(({ interface: index }) => index !== undefined && interfaces[index]?.name === ifname)
    .map(({ address }) => address.split('/')[0] ?? '');
}
