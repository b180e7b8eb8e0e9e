import type { ControlPlane } from '../envoy/mesh/control-plane.ts';

/** Directories of the agent's container. */
export const directories = { token: '/var/run/lab/token', mesh: '/var/run/lab/mesh', agent: '/var/run/lab/agent' };

/** Unix socket on which the agent serves Envoy. */
export const agentSocket = `${directories.agent}/sds.sock`;

/** Where the image has its programs. */
export const programs = {
  control: '/opt/lab/bin/sidecar-control.mjs',
  agent: '/opt/lab/bin/sidecar-agent.mjs',
  drain: '/opt/lab/bin/sidecar-drain.mjs',
} as const;

/** The control plane of a pool's sidecars. */
export const controlPlane: ControlPlane = {
  name: 'sidecar-control',
  image: 'lab/sidecar:lab',
  program: programs.control,
};

/** What the names of sidecars begin with. */
export const proxyKind = 'sidecar';
