import 'reflect-metadata';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { X509Certificate } from '@peculiar/x509';
import { type CertificateAuthority, createAuthority, openAuthority } from './certificate-authority.ts';
import { certificateEndpoint, type TokenOwner } from './certificate-endpoint.ts';
import { makeCertificateRequest } from './certificate-request.ts';
import { spiffeId } from './spiffe.ts';

const owner: TokenOwner = { namespace: 'lab-x', serviceAccount: 'generator', pod: 'generator-1', podUid: 'uid-1' };
const own = spiffeId(owner);
let authority: CertificateAuthority;
let url = '';
const server = createServer((request, response) => void handle(request, response));
let handle: ReturnType<typeof certificateEndpoint>;

before(async () => {
  authority = await openAuthority(await createAuthority());
  handle = certificateEndpoint({
    authority,
    lifetimeSeconds: 600,
    review: async (token) => (token === 'good' ? owner : token === 'elsewhere' ? { ...owner, podUid: 'uid-2' } : null),
    admits: ({ podUid }) => podUid === 'uid-1',
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/certificates`;
});
after(() => server.close());

async function post(token: string | null, body: unknown): Promise<{ status: number; text: string }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

test('a key is certified for the identity that the token proves', async () => {
  const { csr } = await makeCertificateRequest(own);
  const { status, text } = await post('good', { csr, spiffeId: own });
  assert.equal(status, 200, text);
  const certificate = new X509Certificate(JSON.parse(text).certificate);
  assert.equal(await certificate.verify({ publicKey: new X509Certificate(authority.root).publicKey }), true);
  assert.match(certificate.toString('text'), /spiffe:\/\/lab\.local\/ns\/lab-x\/sa\/generator/);
  assert.match(certificate.toString('text'), /ecdsaWithSHA256[\s\S]*P-256/);
  const lifetimeSeconds = (certificate.notAfter.getTime() - Date.now()) / 1000;
  assert.ok(lifetimeSeconds > 590 && lifetimeSeconds <= 600, String(lifetimeSeconds));
});

test('what the request itself names is not certified', async () => {
  const { csr } = await makeCertificateRequest('spiffe://lab.local/ns/lab-x/sa/workload');
  const { text } = await post('good', { csr, spiffeId: own });
  const certificate = new X509Certificate(JSON.parse(text).certificate);
  assert.doesNotMatch(certificate.toString('text'), /sa\/workload/);
});

test('no token, a bad one, one of another pod, or one of another account: refused, for that reason', async () => {
  const { csr } = await makeCertificateRequest(own);
  const refused = async (token: string | null, id: string, status: number, reason: RegExp): Promise<void> => {
    const answer = await post(token, { csr, spiffeId: id });
    assert.equal(answer.status, status);
    assert.match(answer.text, reason);
  };
  await refused(null, own, 401, /token is needed/);
  await refused('bad', own, 401, /not valid for lab-ca/);
  await refused('elsewhere', own, 403, /generator-1 is not served here/);
  await refused('good', 'spiffe://lab.local/ns/lab-x/sa/workload', 403, /proves .*generator, not .*workload/);
});

test('a request that is not signed by its own key, or is none at all, is refused', async () => {
  const { csr } = await makeCertificateRequest(own);
  const der = Buffer.from(csr.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const last = der.length - 1;
  der[last] = (der[last] ?? 0) ^ 1;
  const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  assert.equal((await post('good', { csr: forged, spiffeId: own })).status, 400);
  assert.equal((await post('good', { csr: 'nonsense', spiffeId: own })).status, 400);
  assert.equal((await post('good', { csr, spiffeId: own, more: 1 })).status, 400);
});
