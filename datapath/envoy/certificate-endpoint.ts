import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { CertificateAuthority } from './certificate-authority.ts';
import { type Identity, spiffeId } from './spiffe.ts';

/** The audience that a service-account token must be issued for to be changed into a certificate. */
export const tokenAudience = 'lab-ca';

/** What a caller of {@link certificateEndpoint} posts. */
export const SigningRequest = z.strictObject({ csr: z.string().max(8192), spiffeId: z.string() });

/** What it gets. */
export const SigningAnswer = z.strictObject({ certificate: z.string(), lifetimeSeconds: z.number().positive() });
export type SigningAnswer = z.infer<typeof SigningAnswer>;

/** Whom a token was issued to, as the API server's TokenReview says. */
export type TokenOwner = Identity & { pod: string; podUid: string };

export type CertificateEndpointOptions = {
  authority: CertificateAuthority;
  lifetimeSeconds: number;
  /** Whom the token belongs to; null when it is not valid for {@link tokenAudience}, or not bound to a pod. */
  review(token: string): Promise<TokenOwner | null>;
  /** Whether this control plane answers for the owner's pod. */
  admits(owner: TokenOwner): boolean;
};

const longestRequestBytes = 16 * 1024;

/** Handles `POST /certificates`: signs a key for the service account and pod that the caller's token proves. */
export function certificateEndpoint(
  options: CertificateEndpointOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const { status, body } = await answer(request, options).catch(() => ({ status: 500, body: 'internal error' }));
    const json = typeof body !== 'string';
    response.writeHead(status, { 'content-type': json ? 'application/json' : 'text/plain' });
    response.end(json ? JSON.stringify(body) : `${body}\n`);
  };
}

type Answer = { status: number; body: string | SigningAnswer };

async function answer(request: IncomingMessage, options: CertificateEndpointOptions): Promise<Answer> {
  if (request.method !== 'POST' || request.url !== '/certificates') return { status: 404, body: 'not found' };
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) return { status: 401, body: 'a service-account token is needed' };
  const asked = SigningRequest.safeParse(await readJson(request));
  if (!asked.success) return { status: 400, body: z.prettifyError(asked.error) };
  const owner = await options.review(token);
  if (owner === null) return { status: 401, body: `the token is not valid for ${tokenAudience}, or of no pod` };
  if (!options.admits(owner)) return { status: 403, body: `pod ${owner.namespace}/${owner.pod} is not served here` };
  const own = spiffeId(owner);
  if (asked.data.spiffeId !== own) return { status: 403, body: `the token proves ${own}, not ${asked.data.spiffeId}` };
  const { lifetimeSeconds } = options;
  try {
    const certificate = await options.authority.sign(asked.data.csr, { spiffeId: own, lifetimeSeconds });
    return { status: 200, body: { certificate, lifetimeSeconds } };
  } catch (error) {
    return { status: 400, body: `the certificate request is not valid: ${(error as Error).message}` };
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > longestRequestBytes) return null;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return null;
  }
}
