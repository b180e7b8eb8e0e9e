import { request } from 'node:https';
import { LabError } from '../../clusters/error.ts';
import { SigningAnswer } from './certificate-endpoint.ts';
import { makeCertificateRequest } from './certificate-request.ts';

/** A certified key, in PEM; `renewAtMs` (epoch) is when half of its life is over. */
export type WorkloadCertificate = { key: string; certificate: string; renewAtMs: number };

export type CertificateSource = {
  /** Address and port of the authority's endpoint, and the DNS name in its certificate. */
  host: string;
  port: number;
  serverName: string;
  /** Root certificate that the endpoint must be signed by, in PEM. */
  root: string;
  token: string;
  spiffeId: string;
  signal: AbortSignal;
};

const timeoutSeconds = 10;

/**
 * Makes a key and has it certified.
 * @throws LabError LAB_CERTIFICATE_REFUSED with the authority's reason, or that it could not be reached.
 */
export async function obtainCertificate(source: CertificateSource): Promise<WorkloadCertificate> {
  const { key, csr } = await makeCertificateRequest(source.spiffeId);
  const { status, body } = await post(source, JSON.stringify({ csr, spiffeId: source.spiffeId })).catch((error) => {
    source.signal.throwIfAborted();
    throw refused(source, (error as Error).message);
  });
  if (status !== 200) throw refused(source, `${status} ${body.trim()}`);
  const { certificate, lifetimeSeconds } = SigningAnswer.parse(JSON.parse(body));
  return { key, certificate, renewAtMs: Date.now() + (lifetimeSeconds * 1000) / 2 };
}

function post(source: CertificateSource, content: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        method: 'POST',
        path: '/certificates',
        host: source.host,
        port: source.port,
        servername: source.serverName,
        ca: source.root,
        minVersion: 'TLSv1.3',
        agent: false,
        headers: { authorization: `Bearer ${source.token}`, 'content-type': 'application/json' },
        signal: AbortSignal.any([source.signal, AbortSignal.timeout(timeoutSeconds * 1000)]),
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body })).on('error', reject);
      },
    );
    sent.on('error', reject).end(content);
  });
}

function refused({ host, port, spiffeId }: CertificateSource, reason: string): LabError {
  return new LabError('LAB_CERTIFICATE_REFUSED', {
    message: `No certificate for ${spiffeId} from ${host}:${port}: ${reason}`,
  });
}
