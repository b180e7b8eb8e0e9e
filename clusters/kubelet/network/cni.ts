import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { LabError } from '../../error.ts';

/** One plugin of a network configuration: `type` is the program's name, the rest is its own. */
const CniPlugin = z.looseObject({ type: z.string(), capabilities: z.record(z.string(), z.boolean()).optional() });

/** A network configuration list (CNI specification 1.0.0, section 1). */
export const CniNetwork = z.looseObject({
  cniVersion: z.string(),
  name: z.string(),
  disableCheck: z.boolean().optional(),
  plugins: z.array(CniPlugin).min(1),
});
export type CniNetwork = z.infer<typeof CniNetwork>;

/** What the runtime needs of a plugin's success answer (section 5). */
const CniResult = z.looseObject({
  interfaces: z.array(z.looseObject({ name: z.string(), sandbox: z.string().optional() })).optional(),
  ips: z.array(z.looseObject({ address: z.string(), interface: z.number().optional() })).optional(),
});
export type CniResult = z.infer<typeof CniResult>;

const CniFailure = z.looseObject({ code: z.number(), msg: z.string(), details: z.string().optional() });

/** The pod that a network is added to. */
export type CniAttachment = {
  containerId: string;
  /** Path of the network namespace on the node. */
  netns: string;
  pod: { namespace: string; name: string; uid: string };
  /** What plugins may ask for by their `capabilities`. */
  runtimeConfig: Readonly<Record<string, unknown>>;
};

/** Runs a plugin on the node: its name, environment and standard input, to its exit code and output. */
export type CniExec = (
  plugin: string,
  environment: Record<string, string>,
  input: string,
) => Promise<{ exitCode: number; stdout: string; stderr: string }>;

type Command = 'ADD' | 'DEL';

/** Directories of the node in which plugins are looked for, in this order. */
export const cniPath = '/opt/cni/bin:/usr/lib/cni';

const interfaceName = 'eth0';

/**
 * Adds the pod to the network as containerd does: every plugin in order, each with the result of the one before.
 * @throws LabError LAB_CNI_FAILED with the plugin's own message.
 */
export async function cniAdd(exec: CniExec, network: CniNetwork, attachment: CniAttachment): Promise<CniResult> {
  let result: CniResult | undefined;
  for (const plugin of network.plugins) {
    const output = await runPlugin(exec, 'ADD', pluginConfiguration(network, plugin, attachment, result), attachment);
    result = CniResult.parse(JSON.parse(output));
  }
  return result ?? {};
}

/** Takes the pod out of the network: the plugins in reverse order, each with the result of ADD. Repeating is no error. */
export async function cniDelete(
  exec: CniExec,
  network: CniNetwork,
  attachment: CniAttachment,
  added: CniResult | undefined,
): Promise<void> {
  for (const plugin of network.plugins.toReversed()) {
    await runPlugin(exec, 'DEL', pluginConfiguration(network, plugin, attachment, added), attachment);
  }
}

/** The pod's addresses without prefix length: those of its own interface. */
export function podIps({ interfaces = [], ips = [] }: CniResult): string[] {
  return ips
    .filter((ip) => {
      const owner = ip.interface === undefined ? undefined : interfaces[ip.interface];
      return owner === undefined || (owner.name === interfaceName && (owner.sandbox ?? '') !== '');
    })
    .map(({ address }) => address.split('/')[0] ?? '');
}

/** The environment of a plugin (section 2): the pod's names are in CNI_ARGS, as containerd passes them. */
export function cniEnvironment(command: Command, { containerId, netns, pod }: CniAttachment): Record<string, string> {
  return {
    CNI_COMMAND: command,
    CNI_CONTAINERID: containerId,
    CNI_NETNS: netns,
    CNI_IFNAME: interfaceName,
    CNI_PATH: cniPath,
    CNI_ARGS: [
      'IgnoreUnknown=1',
      `K8S_POD_NAMESPACE=${pod.namespace}`,
      `K8S_POD_NAME=${pod.name}`,
      `K8S_POD_INFRA_CONTAINER_ID=${containerId}`,
      `K8S_POD_UID=${pod.uid}`,
    ].join(';'),
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  };
}

/** What a plugin reads on standard input: its own part, with the network's name and version and what went before. */
export function pluginConfiguration(
  { name, cniVersion }: CniNetwork,
  plugin: z.infer<typeof CniPlugin>,
  { runtimeConfig }: CniAttachment,
  prevResult: CniResult | undefined,
): Record<string, unknown> & { type: string } {
  const { capabilities = {}, ...own } = plugin;
  const wanted = Object.entries(runtimeConfig).filter(([key]) => capabilities[key]);
  return {
    ...own,
    type: plugin.type,
    name,
    cniVersion,
    ...(wanted.length === 0 ? {} : { runtimeConfig: Object.fromEntries(wanted) }),
    ...(prevResult === undefined ? {} : { prevResult }),
  };
}

/**
 * The first valid configuration of a directory, in the order of file names, as containerd picks it; null where there
 * is none. A single plugin's `.conf` counts as a list of one.
 */
export async function loadCniNetwork(directory: string): Promise<CniNetwork | null> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names.filter((file) => /\.(conflist|conf|json)$/.test(file)).sort()) {
    const content = await readFile(join(directory, name), 'utf8').catch(() => '');
    const network = CniNetwork.safeParse(asList(content));
    if (network.success) return network.data;
  }
  return null;
}

/** Where results are kept between ADD and DEL, for people who look for them as for those of containerd. */
export async function cacheResult(directory: string, containerId: string, result: CniResult | null): Promise<void> {
  const path = join(directory, `${containerId}-${interfaceName}`);
  if (result === null) return rm(path, { force: true });
  await mkdir(directory, { recursive: true });
  await writeFile(path, JSON.stringify(result));
}

async function runPlugin(
  exec: CniExec,
  command: Command,
  configuration: Record<string, unknown> & { type: string },
  attachment: CniAttachment,
): Promise<string> {
  const { type } = configuration;
  const { exitCode, stdout, stderr } = await exec(
    type,
    cniEnvironment(command, attachment),
    JSON.stringify(configuration),
  );
  if (exitCode === 0) return stdout;
  const failure = CniFailure.safeParse(parsed(stdout));
  const why = failure.success
    ? [failure.data.msg, failure.data.details].filter((part) => part !== undefined && part !== '').join('; ')
    : stderr.trim() || stdout.trim() || `exit code ${exitCode}`;
  throw new LabError('LAB_CNI_FAILED', {
    message: `plugin type="${type}" failed (${command === 'ADD' ? 'add' : 'delete'}): ${why}`,
  });
}

function asList(content: string): unknown {
  const value = parsed(content);
  if (typeof value !== 'object' || value === null || 'plugins' in value || !('type' in value)) return value;
  const { name, cniVersion, ...plugin } = value as { name?: string; cniVersion?: string };
  return { name, cniVersion, plugins: [{ ...plugin, name, cniVersion }] };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
