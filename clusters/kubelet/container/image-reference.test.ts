import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imageNameError } from './image-reference.ts';

test('names of images are told from what is none', () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  for (const name of [
    'a',
    'lab/k6:lab',
    'localhost:5000/a_b/c-d:V1',
    'Example.com/a',
    `ghcr.io/a/b@${digest}`,
    'a__b.c',
  ]) {
    assert.equal(imageNameError(name), null, name);
  }
  for (const name of ['', 'a b', 'lab/Bad Name!!', 'a:', 'a@sha256:1', '/a', 'a//b', '-a']) {
    assert.equal(imageNameError(name), `couldn't parse image name "${name}": invalid reference format`);
  }
  assert.match(
    imageNameError('lab/K6:lab') ?? '',
    /invalid reference format: repository name \(lab\/K6\) must be lowercase$/,
  );
});
