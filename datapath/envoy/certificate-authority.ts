import { webcrypto } from 'node:crypto';
import type { ExtendedKeyUsage, JsonGeneralNames, X509CertificateGenerator } from '@peculiar/x509';
import { trustDomain } from './spiffe.ts';

/** ECDSA P-256 with SHA-256: the one kind of key and signature in the lab. */
export const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A certificate authority at rest, in PEM. */
export type AuthorityFiles = { certificate: string; key: string };

export type CertificateAuthority = {
  /** The root certificate, in PEM. */
  readonly root: string;
  /**
   * Signs the key of a certificate request for an identity; what else the request asks for is not looked at.
   * @param csr PEM. @throws Error when it is malformed or not signed by its own key.
   */
  sign(csr: string, options: { spiffeId: string; lifetimeSeconds: number }): Promise<string>;
  /** A server certificate for a key that was made here, with the names that it answers to. */
  serve(names: { spiffeId: string; dnsName: string }): Promise<AuthorityFiles>;
};

const rootLifetimeSeconds = 365 * 24 * 3600;
// Clocks of pods on one machine are one clock; a little slack for those that are not.
const backdateSeconds = 60;

/** Makes a new authority. */
export async function createAuthority(): Promise<AuthorityFiles> {
  const { BasicConstraintsExtension, KeyUsageFlags, KeyUsagesExtension, X509CertificateGenerator } = await loadX509();
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `O=${trustDomain}, CN=lab CA`,
    ...validity(rootLifetimeSeconds),
    signingAlgorithm: keyAlgorithm,
    keys: keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}

/** Opens an authority that {@link createAuthority} made. */
export async function openAuthority({ certificate, key }: AuthorityFiles): Promise<CertificateAuthority> {
  const x509 = await loadX509();
  const root = new x509.X509Certificate(certificate);
  const [der] = x509.PemConverter.decode(key);
  const signingKey = await webcrypto.subtle.importKey('pkcs8', der ?? new ArrayBuffer(), keyAlgorithm, false, ['sign']);
  const issue = async (
    publicKey: Parameters<typeof X509CertificateGenerator.create>[0]['publicKey'],
    names: JsonGeneralNames,
    lifetimeSeconds: number,
    usages: ExtendedKeyUsage[],
  ): Promise<string> => {
    const issued = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      issuer: root.subject,
      ...validity(lifetimeSeconds),
      signingAlgorithm: keyAlgorithm,
      publicKey,
      signingKey: signingKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(usages),
        // A certificate without a subject has its names in a critical extension (RFC 5280, 4.2.1.6).
        new x509.SubjectAlternativeNameExtension(names, true),
      ],
    });
    return issued.toString('pem');
  };
  return {
    root: certificate,
    async sign(csr, { spiffeId, lifetimeSeconds }) {
      const request = new x509.Pkcs10CertificateRequest(csr);
      if (!(await request.verify())) throw new Error('the request is not signed by its own key');
      const usages = [x509.ExtendedKeyUsage.clientAuth, x509.ExtendedKeyUsage.serverAuth];
      return issue(request.publicKey, [{ type: 'url', value: spiffeId }], lifetimeSeconds, usages);
    },
    async serve({ spiffeId, dnsName }) {
      const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
      const names: JsonGeneralNames = [
        { type: 'url', value: spiffeId },
        { type: 'dns', value: dnsName },
      ];
      // It lives beside the authority's own key, in the same process: renewing it sooner would protect nothing.
      const issued = await issue(keys.publicKey, names, rootLifetimeSeconds, [x509.ExtendedKeyUsage.serverAuth]);
      return { certificate: issued, key: await exportKey(keys.privateKey) };
    },
  };
}

/** A private key as PKCS #8 PEM. */
export async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const { PemConverter } = await loadX509();
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

/** The library is large, and most commands certify nothing: it is loaded with the first key or certificate. */
async function loadX509(): Promise<typeof import('@peculiar/x509')> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto);
  return x509;
}

function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  // Positive, and without a leading zero byte that DER would have to drop.
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

function validity(lifetimeSeconds: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return {
    notBefore: new Date(now - backdateSeconds * 1000),
    notAfter: new Date(now + lifetimeSeconds * 1000),
  };
}
