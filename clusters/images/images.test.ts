import assert from 'node:assert/strict';
import { isAbsolute } from 'node:path';
import { test } from 'node:test';
import type { Artefact } from '../tools/artefact.ts';
import { type ImageSource, programImage } from './image-source.ts';
import { catalogueOf, findImage, ImageCatalogue } from './images.ts';

const artefact: Artefact = {
  name: 'tools',
  version: '1',
  programs: { one: 'bin/one', two: 'two' },
  recipe: { kind: 'wheel', wheel: { wheel: 'tools', version: '1', sha256: '' } },
};
const two: ImageSource = { name: 'lab/two', node: true, files: [{ artefact, program: 'two', path: '/opt/two' }] };
const catalogue = catalogueOf([programImage(artefact, 'one'), two]);

test('an image is found by its name alone, or with the tag that there is', () => {
  for (const reference of ['lab/one', 'lab/one:latest', 'lab/one:lab', 'docker.io/lab/one:lab']) {
    assert.deepEqual(findImage(catalogue, reference)?.entrypoint, ['/opt/lab/bin/one'], reference);
  }
  for (const reference of [
    'lab/one:v1',
    'one',
    'nginx',
    'ghcr.io/lab/one',
    'docker.io/one',
    'lab/one@sha256:0',
    'toString',
    '',
  ]) {
    assert.equal(findImage(catalogue, reference), null, reference);
  }
});

test('an image has its programs where it says, out of the cache, and finds its own first', () => {
  const image = findImage(catalogue, 'lab/two');
  assert.ok(image !== null);
  const { mounts, env } = image;
  assert.deepEqual(
    mounts.map(({ destination }) => destination),
    ['/opt/lab/bin/node', '/opt/two'],
  );
  for (const { source } of mounts) assert.ok(isAbsolute(source), source);
  assert.match(mounts[1]?.source ?? '', /\/tools-1-[0-9a-f]{12}\/two$/);
  assert.match(env.PATH ?? '', /^\/opt\/lab\/bin:/);
});

test('every cluster has an image of the host’s programs alone', () => {
  assert.deepEqual(findImage(catalogueOf([]), 'lab/node-tools')?.mounts, []);
});

test('a program that its artefact does not have is no image', () => {
  assert.throws(() => catalogueOf([programImage(artefact, 'three')]), /tools has no program three/);
});

test('a catalogue is plain data, which another process can be told', () => {
  assert.deepEqual(ImageCatalogue.parse(JSON.parse(JSON.stringify(catalogue))), catalogue);
});
