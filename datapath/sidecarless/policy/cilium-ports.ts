import { z } from 'zod';
import { portProtocols, protocols } from '../abi/protocols.ts';
import { icmpTypes, icmpv6Types } from './icmp-types.ts';
import { child, foreignField, isMapping, type Problem, read } from './problem.ts';
import type { PortMatch } from './rule.ts';

const everything: readonly PortMatch[] = [{ kind: 'all' }];

/** Protocols that have ports. */
const transports = portProtocols.map((name) => protocols[name]);

/** What may stand beside `ports` and makes a port match less: without it the port matches whole. */
const narrowing = ['rules', 'listener', 'serverNames', 'terminatingTLS', 'originatingTLS'];

const Port = z
  .strictObject({
    port: z.string(),
    endPort: z.int().min(0).max(65535).default(0),
    protocol: z.enum(['TCP', 'UDP', 'SCTP', 'ANY']).default('ANY'),
  })
  .transform(({ port, endPort, protocol }, context): PortMatch[] => {
    const numbers = protocol === 'ANY' ? transports : [protocols[protocol]];
    if (isServiceName(port)) return [{ kind: 'named', name: port.toLowerCase(), protocols: numbers }];
    const first = /^(0|[1-9][0-9]{0,4})$/.test(port) ? Number(port) : Number.NaN;
    if (!(first <= 65535)) context.addIssue({ code: 'custom', path: ['port'], message: 'neither a port nor a name' });
    // Port 0 is every port.
    const last = first === 0 ? 65535 : Math.max(endPort, first);
    if (endPort !== 0 && (first === 0 || endPort < first)) {
      context.addIssue({ code: 'custom', path: ['endPort'], message: 'comes before port' });
    }
    return numbers.map((number) => ({ kind: 'range', protocol: number, first, last }));
  });

const IcmpField = z
  .strictObject({ family: z.enum(['IPv4', 'IPv6']).default('IPv4'), type: z.union([z.string(), z.int()]) })
  .transform(({ family, type }, context): PortMatch => {
    const named = family === 'IPv4' ? icmpTypes : icmpv6Types;
    const text = String(type);
    const number = Object.hasOwn(named, text) ? named[text] : /^[0-9]{1,3}$/.test(text) ? Number(text) : undefined;
    if (number === undefined || number > 255) {
      context.addIssue({ code: 'custom', path: ['type'], message: `not a type of ICMP for ${family}` });
      return z.NEVER;
    }
    return {
      kind: 'range',
      protocol: family === 'IPv4' ? protocols.ICMP : protocols.ICMPv6,
      first: number,
      last: number,
    };
  });

const IcmpRule = z.strictObject({ fields: z.array(IcmpField).min(1).max(40) });

/**
 * Reads a rule's `toPorts` and `icmps`. With problems the answer is at least as wide as what may have been meant.
 * Neither of them means everything, and so do empty lists.
 */
export function readPorts(rule: Record<string, unknown>, path: string, problems: Problem[]): readonly PortMatch[] {
  const ports = readList(rule, 'toPorts', path, problems, readPortRule);
  const icmps = readList(rule, 'icmps', path, problems, (value, place) => {
    return read(IcmpRule, value, place, problems)?.fields ?? everything;
  });
  if (ports.length > 0 && icmps.length > 0) {
    problems.push({ path: child(path, 'icmps'), problem: 'cannot stand beside toPorts' });
  }
  const all = [...ports, ...icmps];
  return all.length === 0 ? everything : all;
}

function readList(
  rule: Record<string, unknown>,
  key: string,
  path: string,
  problems: Problem[],
  element: (value: unknown, path: string, problems: Problem[]) => readonly PortMatch[],
): readonly PortMatch[] {
  const place = child(path, key);
  const value = rule[key];
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    problems.push({ path: place, problem: 'must be a list' });
    return everything;
  }
  return value.flatMap((item, index) => element(item, child(place, index), problems));
}

function readPortRule(value: unknown, path: string, problems: Problem[]): readonly PortMatch[] {
  if (!isMapping(value)) {
    problems.push({ path, problem: 'must be a mapping' });
    return everything;
  }
  const foreign = Object.keys(value).filter((key) => key !== 'ports');
  problems.push(...foreign.map((key) => foreignField(path, key)));
  const ports = read(z.array(Port).min(1).max(40), value.ports, child(path, 'ports'), problems);
  if (ports === undefined || foreign.some((key) => !narrowing.includes(key))) return everything;
  return ports.flat();
}

/** A name of RFC 6335: letters, digits and single hyphens inside, at most 15 of them, one letter at least. */
function isServiceName(text: string): boolean {
  return /^(?=.{1,15}$)(?=.*[A-Za-z])[A-Za-z0-9]+(-[A-Za-z0-9]+)*$/.test(text);
}
