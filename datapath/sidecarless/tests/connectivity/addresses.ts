/** Addresses outside the cluster, of a range for documentation (RFC 5737). */
export const worldRange = '203.0.113.0/24';
export const world = '203.0.113.10';
export const otherWorld = '203.0.113.20';

/** By the port of the server behind it. */
export const nodePorts = { 8080: 30080, 8081: 30081 } as const;
export const hostPort = 8085;

/** Of the servers in the nodes' own network. */
export const nodeServerPort = 8090;

/** Where there is a server on the host outside, and in `near`, `far` and the clients. */
export const serverPorts = [8080, 8081] as const;
