import { z } from 'zod';
import { CniError, cniCodes } from './cni-error.ts';
import type { PodName } from './lease.ts';

/** Those that the plugin lets through as well. */
const cniVersions = ['0.4.0', '1.0.0'] as const;

/** The network configuration: the keys that are looked at. */
const NetworkConfiguration = z.looseObject({
  cniVersion: z.enum(cniVersions),
  name: z.string().min(1),
  type: z.string().min(1),
  /** What ADD answered; CHECK always has it. */
  prevResult: z.unknown().optional(),
});

/** The plugin's request. Names are so narrow because they become words of commands; DEL may come without a namespace. */
export const CniRequest = z.strictObject({
  command: z.enum(['ADD', 'DEL', 'CHECK']),
  containerId: z.string().regex(/^[a-zA-Z0-9][\w.-]*$/),
  netns: z.string().regex(/^(\/[\w.:@+-]+)*$/),
  ifname: z.string().regex(/^[a-zA-Z0-9][\w.-]{0,14}$/),
  args: z.string(),
  path: z.string(),
  config: NetworkConfiguration,
});
export type CniRequest = z.infer<typeof CniRequest>;

/**
 * Reads the plugin's line.
 * @throws CniError saying what of it is not as it must be.
 */
export function parseRequest(line: string): CniRequest {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new CniError(cniCodes.notJson, `the network configuration is not JSON: ${(error as Error).message}`);
  }
  const request = CniRequest.safeParse(value);
  if (request.success) return request.data;
  const [issue] = request.error.issues;
  const [part, ...member] = issue?.path ?? [];
  const isVersion = part === 'config' && member[0] === 'cniVersion';
  const isConfiguration = part === 'config';
  const code = isVersion ? 'incompatibleVersion' : isConfiguration ? 'invalidConfiguration' : 'invalidEnvironment';
  const name = variables.get(String(part)) ?? `${issue?.path.join('.')} of the request`;
  throw new CniError(cniCodes[code], `${name} cannot be used: ${issue?.message}`);
}

/** By parts of a request, the variables of the runtime that they come from. */
const variables: ReadonlyMap<string, string> = new Map([
  ['command', 'CNI_COMMAND'],
  ['containerId', 'CNI_CONTAINERID'],
  ['netns', 'CNI_NETNS'],
  ['ifname', 'CNI_IFNAME'],
  ['args', 'CNI_ARGS'],
  ['path', 'CNI_PATH'],
]);

/** The pod's names among CNI_ARGS (`K8S_POD_NAME=web;…`), as kubelet's runtimes pass them. */
export function podNameOf({ args }: CniRequest): PodName {
  const pairs = args.split(';').map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]);
  const values = new Map(pairs.map(([key = '', value = '']) => [key, value]));
  return {
    namespace: values.get('K8S_POD_NAMESPACE') ?? '',
    name: values.get('K8S_POD_NAME') ?? '',
    uid: values.get('K8S_POD_UID') ?? '',
  };
}
