import assert from 'node:assert/strict';
import { isAbsolute } from 'node:path';
import { test } from 'node:test';
import { findImage, images } from './images.ts';

test('an image is found by its name alone, or with the tag that there is', () => {
  for (const reference of ['lab/k6', 'lab/k6:latest', 'lab/k6:lab', 'docker.io/lab/k6:lab']) {
    assert.deepEqual(findImage(images, reference)?.entrypoint, ['/opt/lab/bin/k6'], reference);
  }
  for (const reference of [
    'lab/k6:v1',
    'k6',
    'nginx',
    'ghcr.io/lab/k6',
    'docker.io/k6',
    'lab/k6@sha256:0',
    'toString',
    '',
  ]) {
    assert.equal(findImage(images, reference), null, reference);
  }
});

test('every image names files by absolute paths and finds its programs first', () => {
  for (const name of Object.keys(images)) {
    const image = findImage(images, name);
    assert.ok(image !== null);
    for (const { source, destination } of image.mounts) assert.ok(isAbsolute(source) && isAbsolute(destination), name);
    assert.match(image.env.PATH ?? '', /^\/opt\/lab\/bin:/);
  }
});
