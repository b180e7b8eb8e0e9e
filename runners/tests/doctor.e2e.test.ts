import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { Finding } from '../../clusters/doctor/finding.ts';
import { exec, tryExec } from '../../clusters/exec.ts';

const entry = join(import.meta.dirname, '../lab.ts');
const doctor = () => tryExec(process.execPath, [entry, 'doctor', '--json'], { timeoutMs: 60_000 });

/** What a probe could leave: links, firewall rules, mounts, namespaces, files. */
async function host(): Promise<Record<string, unknown>> {
  const links = JSON.parse((await exec('ip', ['-json', 'link'])).stdout) as { ifname: string }[];
  return {
    links: links.map(({ ifname }) => ifname).sort(),
    rules: (await tryExec('iptables-save', [])).stdout.replace(/^#.*$|\[\d+:\d+\]/gm, ''),
    mounts: await readFile('/proc/self/mounts', 'utf8'),
    namespaces: (await readdir('/run/netns').catch(() => [])).sort(),
    files: (await readdir(tmpdir())).filter((name) => name.startsWith('tmp.')).sort(),
  };
}

test('doctor finds what a cluster needs on a host that can have one, and leaves nothing behind', async () => {
  const before = await host();
  const { exitCode, stdout, stderr } = await doctor();
  const { findings } = z.strictObject({ findings: z.array(Finding) }).parse(JSON.parse(stdout));
  assert.deepEqual(
    findings.filter(({ state }) => state === 'lacks'),
    [],
  );
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  assert.ok(findings.some(({ name, found }) => name === 'overlayfs' && found === 'work'));
  assert.deepEqual(await host(), before);
});

test('doctor says what is lacking, why it matters and what helps, with exit code 3', async () => {
  // A network namespace of its own without CAP_NET_ADMIN: no link can be made there.
  const { exitCode, stdout } = await tryExec('setpriv', [
    ...['--bounding-set', '-net_admin', '--inh-caps', '-net_admin'],
    ...[process.execPath, entry, 'doctor', '--json'],
  ]);
  const { findings } = z.strictObject({ findings: z.array(Finding) }).parse(JSON.parse(stdout));
  const veth = findings.find(({ name }) => name === 'veth and bridge');
  assert.equal(exitCode, 3);
  assert.equal(veth?.state, 'lacks');
  assert.match(veth?.found ?? '', /not permitted/);
  assert.match(veth?.remedy ?? '', /modprobe/);
});
