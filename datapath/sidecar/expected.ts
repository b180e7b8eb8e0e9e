import type { Expectation, TestCase, Traffic } from '../data-plane.ts';
import { envoyAddedBytes } from '../envoy/http-overhead.ts';

/** What the counters must have grown by for this traffic; those that are left out must not have moved. */
export function sidecarExpected(testCase: TestCase, traffic: Traffic): Expectation[] {
  return [
    ...(testCase.profile === 'l7' ? expectedRequests(traffic) : expectedConnections(traffic)),
    ...(testCase.encryption === 'mtls' ? [...expectedTls(testCase, traffic), expectedIdentity(testCase, traffic)] : []),
  ];
}

function expectedRequests({ requests, connections, bytesSent, bytesReceived }: Traffic): Expectation[] {
  const { request, answer } = envoyAddedBytes;
  const between = (counter: string, claim: string, least: number, most: number): Expectation => ({
    counter,
    claim,
    between: [least, most],
  });
  return [
    exactly('client-envoy/requests', "every request went through the generator's Envoy, once", requests),
    exactly('server-envoy/requests', "every request went through the workload's Envoy, once", requests),
    exactly('client-envoy/connections', "every connection went to the generator's Envoy", connections),
    {
      counter: 'server-envoy/connections',
      // It keeps them, and opens more when it likes.
      claim: "every connection that this one opened went to the workload's Envoy",
      sameAs: 'client-envoy/connections-opened',
    },
    ...expectedBytes({ bytesSent, bytesReceived }),
    between(
      'server-envoy/bytes-received',
      "every byte sent came to the workload's Envoy, with what the first Envoy adds to each request",
      bytesSent + request[0] * requests,
      bytesSent + request[1] * requests,
    ),
    between(
      'server-envoy/bytes-sent',
      "every byte received left the workload's Envoy, but for what the other one adds to each answer",
      bytesReceived - answer[1] * requests,
      bytesReceived - answer[0] * requests,
    ),
  ];
}

function expectedConnections({ connections, bytesSent, bytesReceived }: Traffic): Expectation[] {
  return [
    exactly('client-envoy/connections', "every connection went through the generator's Envoy", connections),
    exactly('client-envoy/connections-opened', 'which opened one to the workload for each', connections),
    exactly('server-envoy/connections', "every connection went through the workload's Envoy", connections),
    ...expectedBytes({ bytesSent, bytesReceived }),
    exactly('server-envoy/bytes-received', "every byte sent went through the workload's Envoy", bytesSent),
    exactly('server-envoy/bytes-sent', "every byte received came through the workload's Envoy", bytesReceived),
  ];
}

function expectedBytes({ bytesSent, bytesReceived }: Pick<Traffic, 'bytesSent' | 'bytesReceived'>): Expectation[] {
  return [
    exactly('client-envoy/bytes-sent', "every byte sent went through the generator's Envoy", bytesSent),
    exactly('client-envoy/bytes-received', "every byte received came through the generator's Envoy", bytesReceived),
  ];
}

/**
 * Every connection between the two Envoys has a handshake, of the right kind, that both of them know of. Of an Envoy that looks at
 * requests the one number follows from the other.
 */
function expectedTls({ profile }: TestCase, { connections }: Traffic): Expectation[] {
  const followed = (counter: string, claim: string, sameAs: string): Expectation =>
    profile === 'l7' ? { counter, claim, sameAs } : exactly(counter, claim, connections);
  const [client, server] = ['client-envoy/tls-handshakes', 'server-envoy/tls-handshakes'];
  return [
    followed(client, 'every connection was encrypted by a handshake of its own', 'client-envoy/connections-opened'),
    followed(server, "and the workload's Envoy has made as many", client),
    ...['client-envoy', 'server-envoy'].flatMap((envoy) => [
      followed(`${envoy}/tls-1.3-handshakes`, 'every handshake was of TLS 1.3', client),
      followed(`${envoy}/tls-aes-128-gcm-handshakes`, 'every handshake was for AES-128-GCM', client),
    ]),
  ];
}

function expectedIdentity({ profile }: TestCase, { requests, connections }: Traffic): Expectation {
  return profile === 'l7'
    ? exactly(
        'server-envoy/requests-by-identity',
        'every request was allowed by the identity in the certificate that its connection showed',
        requests,
      )
    : exactly(
        'server-envoy/connections-by-identity',
        'every connection was allowed by the identity in the certificate that it showed',
        connections,
      );
}

function exactly(counter: string, claim: string, count: number): Expectation {
  return { counter, claim, exactly: count };
}
