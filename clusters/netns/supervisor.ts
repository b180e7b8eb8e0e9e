import { rename, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { kubeconfig } from '../control-plane/kubeconfig.ts';
import { ExecRequest } from '../kubelet/exec-command.ts';
import { enterCgroup } from '../life/cgroup.ts';
import { cgroupRoot, kubeconfigPath, supervisorSocket } from '../life/paths.ts';
import { forwardApi, supervise } from '../supervisor/supervise.ts';
import { addressPlan } from './address-plan.ts';
import { startEmbeddedCluster } from './embedded-cluster.ts';
import { SupervisorOptions } from './supervisor-protocol.ts';

/** The process that is the embedded cluster: the end of it is the end of everything that it started. */
async function startInside(options: SupervisorOptions, step: (message: string) => void): Promise<void> {
  const { signal } = new AbortController();
  await enterCgroup('system');
  const { nodes, images } = options;
  const { pki, runtime } = await startEmbeddedCluster({ nodes, images, cgroupRoot, signal, step });
  await forwardApi(addressPlan.legThere(0), addressPlan.apiserverPort);
  await serveExec((request) => runtime.execCommand(request));
  // Last, and whole or not at all: that it is there says to every command that the control plane answers.
  const draft = `${kubeconfigPath}.draft`;
  await writeFile(draft, kubeconfig(`https://127.0.0.1:${options.port}`, pki.ca, pki.admin), { mode: 0o600 });
  await rename(draft, kubeconfigPath);
}

/** Answers `POST /exec` on the supervisor's socket, whose body is an {@link ExecRequest}, with `{file, args}`. */
async function serveExec(execCommand: (request: ExecRequest) => { file: string; args: string[] }): Promise<void> {
  await rm(supervisorSocket, { force: true });
  const server = createHttpServer(async (request, response) => {
    try {
      const body = Buffer.concat(await request.toArray()).toString();
      const answer = execCommand(ExecRequest.parse(JSON.parse(body)));
      response.end(JSON.stringify(answer));
    } catch (error) {
      const { message, code, remedy } = error as { message: string; code?: string; remedy?: string };
      response.writeHead(400).end(JSON.stringify({ message, code: code ?? null, remedy: remedy ?? null }));
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(supervisorSocket, resolve);
  });
}

await supervise((options, step) => startInside(SupervisorOptions.parse(options), step));
