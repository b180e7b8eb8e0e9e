import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { parse } from 'yaml';
import { z } from 'zod';
import { ApiError } from './api-error.ts';

/** What is used of a kubeconfig that the lab has written: one cluster and one user, everything inline. */
const Kubeconfig = z.object({
  clusters: z.tuple([z.object({ cluster: z.object({ server: z.url(), 'certificate-authority-data': z.base64() }) })]),
  users: z.tuple([
    z.object({ user: z.object({ 'client-certificate-data': z.base64(), 'client-key-data': z.base64() }) }),
  ]),
});

/**
 * Reads the items of some lists (`/api/v1/pods`), one after the other over one connection, with what Node brings: for the
 * command that is called most, the library of API clients would take several times as long to load.
 * @param kubeconfig the lab's own.
 * @throws ApiError when an answer is not 2xx.
 */
export async function readLists<const Lists extends readonly unknown[]>(
  kubeconfig: string,
  paths: { readonly [Index in keyof Lists]: string },
  signal: AbortSignal,
): Promise<{ [Index in keyof Lists]: Lists[Index][] }> {
  const { clusters, users } = Kubeconfig.parse(parse(await readFile(kubeconfig, 'utf8')));
  const [{ cluster }] = clusters;
  const [{ user }] = users;
  const agent = new Agent({
    keepAlive: true,
    ca: Buffer.from(cluster['certificate-authority-data'], 'base64'),
    cert: Buffer.from(user['client-certificate-data'], 'base64'),
    key: Buffer.from(user['client-key-data'], 'base64'),
  });
  try {
    const lists: unknown[][] = [];
    for (const path of paths) lists.push(await readItems(new URL(path, cluster.server), { agent, signal }));
    return lists as { [Index in keyof Lists]: Lists[Index][] };
  } finally {
    agent.destroy();
  }
}

async function readItems(url: URL, options: { agent: Agent; signal: AbortSignal }): Promise<unknown[]> {
  const { status, body } = await new Promise<{ status: number; body: string }>((resolve, reject) => {
    request(url, options, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    })
      .once('error', reject)
      .end();
  });
  if (status < 200 || status > 299) throw new ApiError(`GET ${url.pathname}`, status, body);
  return (JSON.parse(body) as { items: unknown[] }).items;
}
