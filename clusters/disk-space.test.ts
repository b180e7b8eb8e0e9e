import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { requireSpace } from './disk-space.ts';

test('a disk without room is refused before anything is begun, with what there is and what it takes', async () => {
  await requireSpace(tmpdir(), { bytes: 1, what: 'a byte' });
  await assert.rejects(requireSpace(tmpdir(), { bytes: 2 ** 60, what: 'the node image' }), {
    code: 'LAB_DISK_LOW',
    exitCode: 3,
    message: /^the node image takes 1152921504\.6 GB of disk, and .* has \d+\.\d GB free$/,
  });
});
