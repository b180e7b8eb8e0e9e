import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requireShared } from './mount-propagation.ts';

const mountinfo = [
  '21 1 8:1 / / rw,relatime - ext4 /dev/vda rw',
  '22 21 0:20 / /run rw shared:5 master:3 - tmpfs tmpfs rw',
  '23 22 0:21 / /run/own rw - tmpfs tmpfs rw',
  '',
].join('\n');

test('the innermost mount decides, and only a shared one will do', () => {
  requireShared(mountinfo, '/run');
  requireShared(mountinfo, '/run/other');
  const refused = (path: string, point: string) =>
    assert.throws(() => requireShared(mountinfo, path), {
      code: 'LAB_CONTAINER_CONFIG',
      message: `path "${path}" is mounted on "${point}" but it is not a shared mount`,
    });
  refused('/runner', '/');
  refused('/run/own/x', '/run/own');
});
