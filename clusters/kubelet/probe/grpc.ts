import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { V1GRPCAction } from '@kubernetes/client-node';
import type { ProbeResult } from './probe-request.ts';

/** Answers of a health server (https://github.com/grpc/grpc/blob/master/doc/health-checking.md), by their numbers. */
const servingStatuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const serving = 1;

/** Asks the pod's gRPC health service, in plaintext, from this process. */
export async function grpcProbe(
  { port, service }: V1GRPCAction,
  { podIp, timeoutSeconds }: { podIp: string; timeoutSeconds: number },
): Promise<ProbeResult> {
  const address = `${podIp}:${port}`;
  const client = new Client(address, credentials.createInsecure());
  const deadline = Date.now() + timeoutSeconds * 1000;
  try {
    const connected = await new Promise<boolean>((resolve) =>
      client.waitForReady(deadline, (error) => resolve(!error)),
    );
    if (!connected) {
      const message = `timeout: failed to connect service "${address}" within ${timeoutSeconds}s: context deadline exceeded`;
      return { success: false, message };
    }
    const answer = await new Promise<number | ServiceError>((resolve) => {
      const path = '/grpc.health.v1.Health/Check';
      client.makeUnaryRequest(
        path,
        healthRequest,
        servingStatus,
        service ?? '',
        new Metadata(),
        { deadline },
        (error, value) => resolve(error ?? value ?? 0),
      );
    });
    if (answer === serving) return { success: true, message: '' };
    return { success: false, message: typeof answer === 'number' ? unhealthy(answer) : failed(answer, timeoutSeconds) };
  } finally {
    client.close();
  }
}

function unhealthy(answer: number): string {
  return `service unhealthy (responded with "${servingStatuses[answer] ?? answer}")`;
}

function failed({ code, details }: ServiceError, timeoutSeconds: number): string {
  if (code === status.DEADLINE_EXCEEDED) return `timeout: health rpc did not complete within ${timeoutSeconds}s`;
  if (code !== status.UNIMPLEMENTED) {
    const name = (status[code] ?? '')
      .toLowerCase()
      .replace(/(^|_)(.)/g, (_, __, letter: string) => letter.toUpperCase());
    return `error: health rpc probe failed: rpc error: code = ${name} desc = ${details}`;
  }
  return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${details}`;
}

/** HealthCheckRequest: its first field is the name of the service. */
function healthRequest(service: string): Buffer {
  const name = Buffer.from(service);
  if (name.length === 0) return name;
  const length: number[] = [];
  for (let rest = name.length; ; rest >>= 7) {
    if (rest < 0x80) {
      length.push(rest);
      break;
    }
    length.push((rest & 0x7f) | 0x80);
  }
  return Buffer.concat([Buffer.from([0x0a, ...length]), name]);
}

/** HealthCheckResponse: its first field is the status, left out where it is 0. */
function servingStatus(message: Buffer): number {
  return message[0] === 0x08 ? (message[1] ?? 0) : 0;
}
