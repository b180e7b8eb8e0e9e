import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { resolveOnNode } from './runtime-node.ts';

test("links count from the node's root and do not lead out of it", async () => {
  const root = await mkdtemp(join(tmpdir(), 'lab-node-'));
  try {
    await mkdir(join(root, 'run/lock'), { recursive: true });
    await mkdir(join(root, 'var'));
    await symlink('/run', join(root, 'var/run'));
    await symlink('../../../../etc', join(root, 'run/out'));
    await symlink('loop', join(root, 'loop'));
    assert.equal(await resolveOnNode(root, '/var/run/lock/file'), '/run/lock/file');
    assert.equal(await resolveOnNode(root, '/var/run/out/passwd'), '/etc/passwd');
    assert.equal(await resolveOnNode(root, '//var/./absent/x/'), '/var/absent/x');
    await assert.rejects(resolveOnNode(root, '/loop/x'), /too many levels/);
  } finally {
    await rm(root, { recursive: true });
  }
});
