import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { exec } from '../exec.ts';
import { fetchRelease } from './release.ts';

let root = '';
let archive = Buffer.alloc(0);
const members = ['pack/server/bin/one', 'pack/server/bin/two'];
const context = { signal: AbortSignal.timeout(30_000), progress: () => undefined };

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'lab-release-test-'));
  await mkdir(join(root, 'pack/server/bin'), { recursive: true });
  for (const name of ['one', 'two', 'unwanted']) {
    await writeFile(join(root, 'pack/server/bin', name), `I am ${name}`, { mode: 0o755 });
  }
  await exec('tar', ['-czf', join(root, 'pack.tar.gz'), '-C', root, 'pack']);
  archive = await readFile(join(root, 'pack.tar.gz'));
});
after(() => rm(root, { recursive: true }));

const hash = (algorithm: string): string => createHash(algorithm).update(archive).digest('hex');

/** Fetches from a server that answers so; gives back what was in the directory afterwards. */
async function fetchFrom(
  answer: RequestListener,
  checksum: { sha256: string } | { sha512: string },
): Promise<{ fetched: boolean; files: string[] }> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const directory = await mkdtemp(join(root, 'into-'));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/pack.tar.gz`;
    const fetched = await fetchRelease({ url, members, ...checksum }, directory, context);
    return { fetched, files: (await readdir(directory)).sort() };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('the wanted members of a checked archive arrive without their folders', async () => {
  for (const checksum of [{ sha256: hash('sha256') }, { sha512: hash('sha512') }]) {
    const result = await fetchFrom((_, response) => response.end(archive), checksum);
    assert.deepEqual(result, { fetched: true, files: ['one', 'two'] });
  }
});

test('redirections are followed', async () => {
  const answer: RequestListener = ({ url }, response) => {
    if (url === '/elsewhere') response.end(archive);
    else response.writeHead(302, { location: '/elsewhere' }).end();
  };
  assert.equal((await fetchFrom(answer, { sha256: hash('sha256') })).fetched, true);
});

test('an archive that is not the pinned one is refused before it is unpacked', async () => {
  const changed = Buffer.concat([archive, Buffer.from('\0')]);
  await assert.rejects(
    fetchFrom((_, response) => response.end(changed), { sha512: hash('sha512') }),
    { code: 'LAB_TOOL_CHECKSUM' },
  );
});

test('a download that breaks off is an error, not a missing server', async () => {
  const answer: RequestListener = (_, response) => {
    response.writeHead(200, { 'content-length': archive.length });
    response.write(archive.subarray(0, 20), () => response.destroy());
  };
  await assert.rejects(fetchFrom(answer, { sha256: hash('sha256') }), { code: 'LAB_DOWNLOAD_FAILED' });
});

test('no such file, and nobody there, mean that it cannot be had', async () => {
  const missing = await fetchFrom((_, response) => response.writeHead(404).end(), { sha256: hash('sha256') });
  assert.deepEqual(missing, { fetched: false, files: [] });
  const release = { url: 'http://127.0.0.1:1/pack.tar.gz', members, sha256: '' };
  assert.equal(await fetchRelease(release, root, context), false);
});

test('an interruption is not taken for a missing server', async () => {
  const interruption = new AbortController();
  const directory = await mkdtemp(join(root, 'into-'));
  const server = createServer(() => interruption.abort(new Error('interrupted'))).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    const fetching = fetchRelease({ url, members, sha256: '' }, directory, { ...context, signal: interruption.signal });
    await assert.rejects(fetching, /interrupted/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
