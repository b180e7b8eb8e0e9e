import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { connect, createServer } from 'node:tls';
import { createPki } from './pki.ts';

test('every certificate is signed by the one CA and names its component', async () => {
  const pki = await createPki(['172.30.0.2', '127.0.0.1'], '169.254.0.1');
  const ca = new X509Certificate(pki.ca);
  for (const pair of [
    pki.apiserver,
    pki.apiserverKubeletClient,
    pki.kubelet,
    pki.admin,
    pki.controllerManager,
    pki.scheduler,
  ]) {
    assert.ok(new X509Certificate(pair.certificate).checkIssued(ca));
  }
  assert.match(new X509Certificate(pki.admin.certificate).subject, /O=system:masters/);
  assert.match(new X509Certificate(pki.controllerManager.certificate).subject, /CN=system:kube-controller-manager/);
  assert.match(new X509Certificate(pki.apiserver.certificate).subjectAltName ?? '', /IP Address:172\.30\.0\.2/);
});

test('the API server and an administrator accept each other over TLS', async () => {
  const pki = await createPki(['127.0.0.1'], '169.254.0.1');
  const server = createServer({
    cert: pki.apiserver.certificate,
    key: pki.apiserver.key,
    ca: pki.ca,
    requestCert: true,
    rejectUnauthorized: true,
  });
  const client = await new Promise<string>((resolve, reject) => {
    server.on('secureConnection', (socket) => resolve(socket.getPeerCertificate().subject.CN as string));
    server.on('tlsClientError', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      const socket = connect({ port, host: '127.0.0.1', ca: pki.ca, cert: pki.admin.certificate, key: pki.admin.key });
      socket.on('secureConnect', () => socket.end()).on('error', reject);
    });
  });
  server.close();
  assert.equal(client, 'lab-admin');
});
