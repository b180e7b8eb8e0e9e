import { existsSync, readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { tryExec } from '../../clusters/exec.ts';
import { pins } from '../../clusters/tools/pins.ts';
import { envoy } from '../../datapath/envoy/programs.ts';
import type { Run } from '../../results/run.ts';

/** The machine that a run is measured on, as its record tells it. */
export function describeHost(): Run['host'] {
  return {
    kernel: release(),
    os: /^PRETTY_NAME="?([^"\n]*)/m.exec(read('/etc/os-release') ?? '')?.[1] ?? process.platform,
    cpuModel: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    virtualised: virtualised(),
    irqTimeAccounting: irqTimeAccounting(),
    cgroup: cgroupMode(),
  };
}

/** Versions of everything that a run goes through. */
export async function describeVersions(): Promise<Record<string, string>> {
  const iptables = await tryExec('iptables', ['--version']);
  return {
    lab: packageVersion('../../package.json'),
    node: process.version,
    kernel: release(),
    kubernetes: pins.kubernetes.version,
    etcd: pins.etcd.version,
    envoy: envoy.version,
    k6: k6Version(),
    autocannon: packageVersion('../../node_modules/autocannon/package.json'),
    iperf3: /^iperf (\S+)/.exec((await tryExec('iperf3', ['--version'])).stdout)?.[1] ?? 'not there',
    iptables: iptables.stdout.trim(),
  };
}

/** The checkout's commit, and whether it has changes that no commit holds. */
export async function describeCommit(directory: string): Promise<{ commit: string | null; dirty: boolean }> {
  const head = await tryExec('git', ['-C', directory, 'rev-parse', 'HEAD']);
  if (head.exitCode !== 0) return { commit: null, dirty: false };
  const status = await tryExec('git', ['-C', directory, 'status', '--porcelain']);
  return { commit: head.stdout.trim(), dirty: status.stdout.trim() !== '' };
}

function k6Version(): string {
  const requirements = readFileSync(join(import.meta.dirname, '..', 'load', 'k6', 'go.mod'), 'utf8');
  const version = /^\s*go\.k6\.io\/k6\S* v(\S+)$/m.exec(requirements)?.[1];
  if (version === undefined) throw new Error('runners/load/k6/go.mod requires no k6');
  return version;
}

function virtualised(): boolean | null {
  const cpuinfo = read('/proc/cpuinfo');
  return cpuinfo === null ? null : /^flags\s*:.*\bhypervisor\b/m.test(cpuinfo);
}

function irqTimeAccounting(): boolean | null {
  const compressed = '/proc/config.gz';
  const config = existsSync(compressed)
    ? gunzipSync(readFileSync(compressed)).toString()
    : read(`/boot/config-${release()}`);
  return config === null ? null : /^CONFIG_IRQ_TIME_ACCOUNTING=y$/m.test(config);
}

function cgroupMode(): Run['host']['cgroup'] {
  if (existsSync('/sys/fs/cgroup/cgroup.controllers')) return 'v2';
  return existsSync('/sys/fs/cgroup/unified/cgroup.controllers') ? 'hybrid' : 'v1';
}

/** Of a package.json, relative to this folder. */
function packageVersion(path: string): string {
  const text = readFileSync(new URL(path, import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function read(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}
