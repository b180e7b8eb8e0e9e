import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { cryptoProvider, Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } from '@peculiar/x509';
import { exportKey, keyAlgorithm } from './certificate-authority.ts';

cryptoProvider.set(webcrypto);

/** A new key with the request to certify it, both in PEM. */
export type CertificateRequest = { key: string; csr: string };

/** Makes a key here, and the request to have it certified for an identity. */
export async function makeCertificateRequest(spiffeId: string): Promise<CertificateRequest> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys: keys,
    signingAlgorithm: keyAlgorithm,
    extensions: [new SubjectAlternativeNameExtension([{ type: 'url', value: spiffeId }], true)],
  });
  return { key: await exportKey(keys.privateKey), csr: request.toString('pem') };
}
