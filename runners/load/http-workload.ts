import { z } from 'zod';
import type { AddedBytes, DataPlaneContext, Expectation } from '../../datapath/data-plane.ts';
import type { Traffic } from '../../results/block.ts';
import type { Probed, Target } from './driver.ts';
import { sendRequests } from './generator.ts';

/** Enough that a share going another way shows, few enough to take no time. */
const probeCount = 50;

const Echo = z.object({ clientAddress: z.string() });

/** Sends some requests one after another, with the word in their headers, and looks at what the workload says of them. */
export async function probeHttp(
  { kube, signal }: DataPlaneContext,
  { generator, host, port }: Target,
  { word, client }: { word: string; client: string },
): Promise<Probed> {
  const request = {
    url: `http://${host}:${port}`,
    path: '/echo',
    count: probeCount,
    headers: { 'x-lab-word': word },
  };
  const { statuses, lastBody, requests, connections, bytesSent, bytesReceived } = await sendRequests(
    kube,
    generator,
    request,
    signal,
  );
  const answered = statuses['200'] ?? 0;
  const named = parseEcho(lastBody)?.clientAddress === client ? 1 : 0;
  return {
    traffic: { requests, connections, bytesSent, bytesReceived },
    besides: null,
    arrived: {},
    answers: [
      {
        claim: 'every request was answered with 200',
        counter: 'generator/answered',
        expected: String(probeCount),
        measured: answered,
        unread: null,
        held: answered === probeCount,
      },
      {
        claim: `the workload takes ${client} for its client`,
        counter: 'workload/last-client',
        expected: '1',
        measured: named,
        unread: null,
        held: named === 1,
      },
    ],
  };
}

/** What the workload must have counted on the port of a test case. */
export function httpArrivals(traffic: Traffic, added: AddedBytes | null): Expectation[] {
  const { requests, connections, bytesSent, bytesReceived } = traffic;
  const arrived: Expectation = {
    counter: 'workload/requests',
    claim: 'every request sent arrived at the workload, once',
    exactly: requests,
  };
  if (added !== null) {
    return [
      arrived,
      {
        counter: 'workload/bytes-received',
        claim: 'every byte sent arrived at the workload, with what proxies add to each request, and none besides',
        between: [bytesSent + added.request[0] * requests, bytesSent + added.request[1] * requests],
      },
      {
        counter: 'workload/bytes-sent',
        claim: 'every byte that the workload sent came back, with what proxies add to each answer, and none besides',
        between: [bytesReceived - added.answer[1] * requests, bytesReceived - added.answer[0] * requests],
      },
    ];
  }
  return [
    arrived,
    {
      counter: 'workload/connections',
      claim: 'every connection opened arrived at the workload, once',
      exactly: connections,
    },
    {
      counter: 'workload/bytes-received',
      claim: 'every byte sent arrived at the workload, and none besides',
      exactly: bytesSent,
    },
    {
      counter: 'workload/bytes-sent',
      claim: 'every byte that the workload sent came back, and none besides',
      exactly: bytesReceived,
    },
  ];
}

function parseEcho(body: string): z.infer<typeof Echo> | null {
  try {
    return Echo.parse(JSON.parse(body));
  } catch {
    return null;
  }
}
