import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LabError } from '../error.ts';
import { connect } from '../kube/connect.ts';
import type { Kube } from '../kube/kube.ts';
import { type Process, startProcess } from '../process.ts';
import type { ToolName } from '../tools/cluster-artefacts.ts';
import { toolPath } from '../tools/tools.ts';
import {
  apiserverFlags,
  type ControlPlaneSettings,
  controllerManagerFlags,
  etcdFlags,
  schedulerFlags,
} from './flags.ts';
import { kubeconfig } from './kubeconfig.ts';
import type { KeyPair, Pki } from './pki.ts';
import { relaxTimers } from './timer-slack.ts';

/** The running control plane: its processes and an administrator's connection to it. */
export type ControlPlane = { kube: Kube; processes: ReadonlyMap<string, Process> };

/** What `startControlPlane` needs from its surroundings. */
export type ControlPlaneContext = {
  pki: Pki;
  /** Turns a command into one that runs in the control plane's network namespace. */
  enter: (file: string, args: readonly string[]) => [string, string[]];
  /** The API server's URL as this process reaches it. */
  server: string;
  logDirectory: string;
  signal: AbortSignal;
};

const readyTimeoutSeconds = 60;

/** The API server's start makes many objects that stay: collecting garbage at twice their size took a quarter of its CPU time. */
const collectLess = { GOGC: '400' };

/**
 * Starts etcd, kube-apiserver, kube-controller-manager and kube-scheduler as plain processes and resolves when the
 * API server answers `/readyz`.
 * @throws LabError LAB_CONTROL_PLANE_FAILED with the last log lines of the component that ended or did not answer.
 */
export async function startControlPlane(
  settings: ControlPlaneSettings,
  { pki, enter, server, logDirectory, signal }: ControlPlaneContext,
): Promise<ControlPlane> {
  await writeFiles(settings, pki);
  const processes = new Map<string, Process>();
  const launch = async (name: ToolName, flags: readonly string[]): Promise<void> => {
    const log = await open(join(logDirectory, `${name}.log`), 'a');
    const [file, args] = enter(toolPath(name), flags);
    processes.set(name, startProcess(file, args, { stdio: ['ignore', log.fd, log.fd], env: collectLess, signal }));
    await log.close();
  };
  await launch('etcd', etcdFlags(settings));
  await launch('kube-apiserver', apiserverFlags(settings));

  const adminKubeconfig = join(settings.directory, 'admin.kubeconfig');
  await writeFile(adminKubeconfig, kubeconfig(server, pki.ca, pki.admin), { mode: 0o600 });
  const kube = await connect(adminKubeconfig);
  const died = Promise.race(
    [...processes].map(async ([name, process]) => {
      await process.ended;
      signal.throwIfAborted();
      throw await failure(name, 'ended', logDirectory);
    }),
  );
  await Promise.race([ready(kube, logDirectory, signal), died]);
  died.catch(() => undefined);
  // Earlier, their roles would not exist yet, and they would wait seconds before they ask again, or give up.
  await launch('kube-controller-manager', controllerManagerFlags(settings));
  await launch('kube-scheduler', schedulerFlags(settings));
  await relaxTimers([...processes.values()].map(({ pid }) => pid));
  return { kube, processes };
}

async function ready(kube: Kube, logDirectory: string, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + readyTimeoutSeconds * 1000;
  while (Date.now() < deadline) {
    signal.throwIfAborted();
    const status = await kube.request('GET', '/readyz', { signal: AbortSignal.timeout(2000) }).then(
      async (response) => {
        await response.text();
        return response.status;
      },
      () => 0,
    );
    if (status === 200) return;
    await delay(25, undefined, { signal });
  }
  throw await failure('kube-apiserver', `did not become ready in ${readyTimeoutSeconds} s`, logDirectory);
}

async function failure(name: string, what: string, logDirectory: string): Promise<LabError> {
  const path = join(logDirectory, `${name}.log`);
  const log = await readFile(path, 'utf8').catch(() => '');
  const tail = log.trimEnd().split('\n').slice(-10).join('\n');
  return new LabError('LAB_CONTROL_PLANE_FAILED', {
    message: `${name} ${what}. Its last lines:\n${tail}`,
    remedy: `The whole log is in ${path} until the next \`lab up\`.`,
  });
}

async function writeFiles({ directory, port }: ControlPlaneSettings, pki: Pki): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const write = (name: string, text: string): Promise<void> => writeFile(join(directory, name), text, { mode: 0o600 });
  const writePair = async (name: string, { certificate, key }: KeyPair): Promise<void> => {
    await write(`${name}.crt`, certificate);
    await write(`${name}.key`, key);
  };
  const local = `https://127.0.0.1:${port}`;
  await Promise.all([
    write('ca.crt', pki.ca),
    writePair('apiserver', pki.apiserver),
    writePair('apiserver-kubelet-client', pki.apiserverKubeletClient),
    write('service-account.pub', pki.serviceAccount.publicKey),
    write('service-account.key', pki.serviceAccount.privateKey),
    write('controller-manager.kubeconfig', kubeconfig(local, pki.ca, pki.controllerManager)),
    write('scheduler.kubeconfig', kubeconfig(local, pki.ca, pki.scheduler)),
  ]);
}
