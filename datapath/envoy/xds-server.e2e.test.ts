import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as tlsConnect } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import { privateRun, testInNamespaces } from '../../clusters/netns/tests/namespaces.ts';
import { type Process, startProcess } from '../../clusters/process.ts';
import { programPath } from '../../clusters/tools/programs.ts';
import { type EnvoyJson, loadEnvoyApi } from './api.ts';
import { bootstrap } from './bootstrap.ts';
import { type CertificateAuthority, createAuthority, openAuthority } from './certificate-authority.ts';
import { makeCertificateRequest } from './certificate-request.ts';
import { envoyFlags } from './flags.ts';
import { httpConnectionManager, routeToCluster } from './http-filters.ts';
import { controlPorts, envoyPorts } from './ports.ts';
import { envoyDescriptors, envoy as envoyProgram } from './programs.ts';
import { secretResources } from './secrets.ts';
import { encodeSnapshot, type ProxyConfiguration } from './snapshot.ts';
import { parseStatistics } from './statistics.ts';
import { clientTls, serverTls } from './tls-context.ts';
import { startXdsServer, type XdsServer } from './xds-server.ts';

const proxyId = 'test-proxy';
const controlId = 'spiffe://lab.local/ns/system/sa/control';
const ownId = 'spiffe://lab.local/ns/test/sa/proxy';
const applicationPort = 9000;

/** A proxy that talks to itself: plaintext in on 9001, mTLS to its own 9002, and on to the application. */
function configuration(options: { timeout?: string; serverId?: string; port?: number } = {}): ProxyConfiguration {
  const { timeout = '5s', serverId = ownId, port = 9001 } = options;
  const ads: EnvoyJson = { ads: {}, resource_api_version: 'V3' };
  const endpoints = (name: string, port: number): EnvoyJson => ({
    cluster_name: name,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
  });
  return {
    cluster: [
      {
        name: 'peer',
        type: 'EDS',
        eds_cluster_config: { eds_config: ads },
        connect_timeout: timeout,
        transport_socket: clientTls([serverId]),
        // A handshake for each request, so that certificates are used all the time.
        typed_extension_protocol_options: {
          'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
            '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
            common_http_protocol_options: { max_requests_per_connection: 1 },
            explicit_http_config: { http_protocol_options: {} },
          },
        },
      },
      { name: 'application', type: 'EDS', eds_cluster_config: { eds_config: ads }, connect_timeout: timeout },
    ],
    endpoint: [endpoints('peer', 9002), endpoints('application', applicationPort)],
    listener: [
      {
        name: 'plain',
        address: address(port),
        filter_chains: [
          {
            filters: [
              httpConnectionManager({
                statPrefix: 'plain',
                route: 'to-peer',
              }),
            ],
          },
        ],
      },
      {
        name: 'encrypted',
        address: address(9002),
        filter_chains: [
          {
            filters: [
              httpConnectionManager({
                statPrefix: 'encrypted',
                route: 'in',
              }),
            ],
            transport_socket: serverTls('lab.local'),
          },
        ],
      },
    ],
    route: [routeToCluster('to-peer', 'peer'), routeToCluster('in', 'application')],
  };
}

testInNamespaces(import.meta.filename, () => {
  const api = loadEnvoyApi(programPath(envoyDescriptors, 'envoy-descriptors'));
  let control: XdsServer;
  let agent: XdsServer;
  let envoy: Process;
  let renew: () => Promise<void>;
  let authority: CertificateAuthority;
  const set = (configuration: ProxyConfiguration): void => control.set(proxyId, encodeSnapshot(api, configuration));
  const accepted = () => control.accepted(proxyId, { signal: AbortSignal.timeout(20_000), timeoutSeconds: 10 });

  before(async () => {
    const directory = await privateRun();
    authority = await openAuthority(await createAuthority());
    const own = await authority.serve({ spiffeId: controlId, dnsName: 'control.lab.local' });
    control = await startXdsServer({
      api,
      address: `127.0.0.1:${controlPorts.xds}`,
      credentials: ServerCredentials.createSsl(
        Buffer.from(authority.root),
        [{ cert_chain: Buffer.from(own.certificate), private_key: Buffer.from(own.key) }],
        true,
      ),
      refuse: (id, certificate) =>
        id === proxyId && certificate?.subjectaltname === `URI:${ownId}` ? null : 'not the proxy of this test',
    });
    const agentSocket = join(directory, 'sds.sock');
    agent = await startXdsServer({
      api,
      address: `unix:${agentSocket}`,
      credentials: ServerCredentials.createInsecure(),
      refuse: () => null,
    });
    renew = async () => {
      const { key, csr } = await makeCertificateRequest(ownId);
      const certificate = await authority.sign(csr, { spiffeId: ownId, lifetimeSeconds: 600 });
      const secret = secretResources({ key, certificate, renewAtMs: 0 }, authority.root);
      agent.set(proxyId, encodeSnapshot(api, { secret }));
    };
    await renew();
    createHttpServer((request, response) => response.end(`hello ${request.url}`)).listen(applicationPort);
    const first = bootstrap({
      nodeId: proxyId,
      cluster: 'test',
      control: '127.0.0.1',
      controlSpiffeId: controlId,
      agentSocket,
      statistics: ['.*'],
    });
    set(configuration());
    envoy = startProcess(programPath(envoyProgram, 'envoy'), envoyFlags(JSON.stringify(first)), {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    await accepted();
  });
  after(() => {
    envoy.kill('SIGKILL');
    control.close();
    agent.close();
  });

  test('an Envoy that has accepted its first configuration serves by it', async () => {
    assert.deepEqual(control.proxies(), [{ id: proxyId, connected: true, acceptance: { state: 'accepted' } }]);
    assert.deepEqual(await get(9001, '/x'), { status: 200, body: 'hello /x' });
    assert.deepEqual(await get(envoyPorts.ready, '/healthz/ready'), { status: 200, body: 'LIVE\n' });
  });

  test('its local listeners show readiness and statistics, and nothing else of the admin interface', async () => {
    assert.equal(await statistic('http.plain.downstream_rq_total'), 1);
    assert.equal((await get(envoyPorts.stats, '/stats/prometheus')).status, 200);
    for (const path of ['/config_dump', '/quitquitquit', '/stats/../config_dump']) {
      assert.equal((await get(envoyPorts.stats, path)).status, 404, path);
    }
    assert.equal((await get(envoyPorts.stats, '/stats', 'POST')).status, 404);
  });

  test('a change of cluster, endpoints and route is in force once it is accepted', async () => {
    set(configuration({ timeout: '4s' }));
    assert.equal(control.acceptance(proxyId).state, 'pending');
    await accepted();
    assert.deepEqual(await get(9001, '/y'), { status: 200, body: 'hello /y' });
  });

  test('what Envoy refuses is reported in its words, and what was in force stays', async () => {
    const bad = configuration();
    const outside: EnvoyJson = { socket_address: { address: '192.0.2.1', port_value: 9001 } };
    set({
      ...bad,
      listener: [...(bad.listener ?? []), { ...(bad.listener?.[0] as EnvoyJson), name: 'bad', address: outside }],
    });
    await assert.rejects(accepted(), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'LAB_ENVOY_REJECTED');
      assert.match(error.message, /192\.0\.2\.1:9001.*Cannot assign requested address/s);
      return true;
    });
    assert.equal((await get(9001, '/z')).status, 200);
    set(configuration());
    await accepted();
  });

  test('a listener that is gone is taken away', async () => {
    set(configuration({ port: 9011 }));
    await accepted();
    assert.equal((await get(9011, '/')).status, 200);
    set({
      ...configuration({ port: 9011 }),
      listener: (configuration({ port: 9011 }).listener ?? []).slice(1),
      route: (configuration().route ?? []).slice(1),
    });
    await accepted();
    // Envoy's threads close the socket after it has accepted the configuration.
    const refused = async (): Promise<boolean> =>
      get(9011, '/').then(
        () => false,
        (error) => /ECONNREFUSED/.test(String(error)),
      );
    for (let waitedMs = 0; !(await refused()); waitedMs += 20) {
      assert.ok(waitedMs < 10_000, 'the port still answers');
      await delay(20);
    }
    set(configuration());
    await accepted();
  });

  test('a server with another identity than the expected one gets no request', async () => {
    set(configuration({ serverId: 'spiffe://lab.local/ns/test/sa/somebody-else' }));
    await accepted();
    assert.equal((await get(9001, '/')).status, 503);
    assert.ok((await statistic('cluster.peer.ssl.fail_verify_san')) > 0);
    set(configuration());
    await accepted();
    assert.equal((await get(9001, '/')).status, 200);
  });

  test('renewed certificates reach Envoy without a failed request', async () => {
    const handshakes = await statistic('cluster.peer.ssl.handshake');
    const serials = new Set([await servedSerial()]);
    let stop = false;
    let requests = 0;
    const load = (async () => {
      while (!stop) assert.equal((await get(9001, `/${++requests}`)).status, 200);
    })();
    for (let round = 0; round < 5; round++) {
      await renew();
      await agent.accepted(proxyId, { signal: AbortSignal.timeout(10_000), timeoutSeconds: 5 });
      serials.add(await servedSerial());
    }
    stop = true;
    await load;
    assert.equal(serials.size, 6);
    assert.equal((await statistic('cluster.peer.ssl.handshake')) - handshakes, requests);
  });

  test('nobody comes in without a certificate, or with one of another authority or trust domain', async () => {
    const stranger = await openAuthority(await createAuthority());
    assert.equal(await entry(await clientCertificate(authority, ownId)), 'HTTP/1.1 200 OK');
    assert.match(await entry({}), /certificate required/i);
    assert.match(await entry(await clientCertificate(stranger, ownId)), /unknown ca|decrypt error|bad certificate/i);
    const foreign = await clientCertificate(authority, 'spiffe://elsewhere.local/ns/test/sa/proxy');
    assert.match(await entry(foreign), /certificate/i);
  });

  async function clientCertificate(issuer: CertificateAuthority, id: string): Promise<{ key: string; cert: string }> {
    const { key, csr } = await makeCertificateRequest(id);
    return { key, cert: await issuer.sign(csr, { spiffeId: id, lifetimeSeconds: 60 }) };
  }

  /** The first line of the answer to a request over TLS, or why there is none. */
  function entry(credentials: { key?: string; cert?: string }): Promise<string> {
    return new Promise((resolve) => {
      const options = { ca: authority.root, checkServerIdentity: () => undefined, ...credentials };
      const socket = tlsConnect({ host: '127.0.0.1', port: 9002, ...options }, () =>
        socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
      );
      socket.once('data', (data: Buffer) => resolve(data.toString().split('\r\n')[0] ?? ''));
      socket.once('error', (error) => resolve(error.message));
      socket.once('close', () => resolve('closed'));
    });
  }

  /** Serial number of the certificate that Envoy shows to a client with one of its own. */
  async function servedSerial(): Promise<string> {
    const credentials = await clientCertificate(authority, ownId);
    const options = { ca: authority.root, checkServerIdentity: () => undefined, ...credentials };
    const socket = tlsConnect({ host: '127.0.0.1', port: 9002, ...options });
    await once(socket, 'secureConnect');
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  }
});

function address(port: number): EnvoyJson {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

async function statistic(name: string): Promise<number> {
  const { body } = await get(envoyPorts.stats, '/stats');
  const value = parseStatistics(body).get(name);
  assert.ok(value !== undefined, `Envoy has no statistic ${name}`);
  return value;
}

function get(port: number, path: string, method = 'GET'): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ host: '127.0.0.1', port, path, method, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on('error', reject).end();
  });
}
