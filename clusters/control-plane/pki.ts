import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** A certificate and its private key (PKCS #8), both as PEM. */
export type KeyPair = { certificate: string; key: string };

/** Everything that the control plane's components present to each other. All of it lives as long as the cluster. */
export type Pki = {
  ca: string;
  apiserver: KeyPair;
  /** What the API server shows to kubelets. */
  apiserverKubeletClient: KeyPair;
  kubelet: KeyPair;
  admin: KeyPair;
  controllerManager: KeyPair;
  scheduler: KeyPair;
  /** Signs and verifies service-account tokens; the certificate is not used. */
  serviceAccount: { publicKey: string; privateKey: string };
};

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

// A cluster lives for hours; its certificates must not run out on a host that keeps one up for long.
const lifetimeMs = 365 * 24 * 3600 * 1000;

/**
 * Makes a CA and one certificate for each component. Names and groups are those that Kubernetes' default RBAC knows
 * (https://kubernetes.io/docs/setup/best-practices/certificates/).
 * @param addresses IP addresses at which the API server is reached.
 */
export async function createPki(addresses: readonly string[], kubeletAddress: string): Promise<Pki> {
  const authority = await createAuthority();
  const client = (name: string, organisation?: string): Promise<KeyPair> =>
    issue(authority, {
      subject: organisation === undefined ? `CN=${name}` : `CN=${name}, O=${organisation}`,
      usage: ExtendedKeyUsage.clientAuth,
    });
  const [apiserver, apiserverKubeletClient, kubelet, admin, controllerManager, scheduler, serviceAccount] =
    await Promise.all([
      issue(authority, {
        subject: 'CN=kube-apiserver',
        usage: ExtendedKeyUsage.serverAuth,
        dnsNames: [
          'localhost',
          'kubernetes',
          'kubernetes.default',
          'kubernetes.default.svc',
          'kubernetes.default.svc.cluster.local',
        ],
        addresses,
      }),
      client('kube-apiserver-kubelet-client', 'system:masters'),
      issue(authority, { subject: 'CN=kubelet', usage: ExtendedKeyUsage.serverAuth, addresses: [kubeletAddress] }),
      client('lab-admin', 'system:masters'),
      client('system:kube-controller-manager'),
      client('system:kube-scheduler'),
      createServiceAccountKey(),
    ]);
  return {
    ca: authority.certificate.toString('pem'),
    apiserver,
    apiserverKubeletClient,
    kubelet,
    admin,
    controllerManager,
    scheduler,
    serviceAccount,
  };
}

type Authority = { certificate: X509Certificate; keys: webcrypto.CryptoKeyPair };

async function createAuthority(): Promise<Authority> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=datapath-lab cluster CA',
    ...validity(),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, keys };
}

async function issue(
  authority: Authority,
  request: { subject: string; usage: ExtendedKeyUsage; dnsNames?: readonly string[]; addresses?: readonly string[] },
): Promise<KeyPair> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const names = [
    ...(request.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(request.addresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: request.subject,
    issuer: authority.certificate.subject,
    ...validity(),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([request.usage]),
      await AuthorityKeyIdentifierExtension.create(authority.certificate),
      ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
    ],
  });
  return { certificate: certificate.toString('pem'), key: await privateKeyPem(keys.privateKey) };
}

async function createServiceAccountKey(): Promise<Pki['serviceAccount']> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const publicKey = PemConverter.encode(await webcrypto.subtle.exportKey('spki', keys.publicKey), 'PUBLIC KEY');
  return { publicKey, privateKey: await privateKeyPem(keys.privateKey) };
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - 60_000), notAfter: new Date(now + lifetimeMs) };
}

// RFC 5280 4.1.2.2: positive and at most 20 octets.
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return Buffer.from(bytes).toString('hex');
}
