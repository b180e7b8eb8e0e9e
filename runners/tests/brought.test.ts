import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { KubernetesObject, V1Node, V1PodSpec } from '@kubernetes/client-node';
import { z } from 'zod';
import { outsideNode, poolOf } from '../../clusters/cluster.ts';
import { exec } from '../../clusters/exec.ts';
import { ownImages } from '../../clusters/images/images.ts';
import type { Recipe } from '../../clusters/tools/artefact.ts';
import { bundleFlags, esbuild } from '../../clusters/tools/bundle.ts';
import { bundleInputs } from '../../clusters/tools/bundle-inputs.ts';
import { repository } from '../../clusters/tools/repository.ts';
import type { ClusterFacts } from '../../datapath/data-plane.ts';
import { dataPlanes } from '../../datapath/data-planes.ts';
import { broughtImages, broughtPrograms, everyArtefact } from '../brought.ts';
import { loadImages } from '../load/programs.ts';

const template = { spec: { containers: [{ name: 'app', image: 'lab/workload:lab' }] } };

for (const plane of dataPlanes) {
  const { id, programs, images } = plane;
  const pool = poolOf(id, id);
  const objects = plane.objects(pool, factsOf(id));

  test(`${id}: what it brings is plain data`, () => {
    for (const value of [programs, images, objects]) assert.deepEqual(JSON.parse(JSON.stringify(value)), value);
  });

  test(`${id}: its images are made of programs that it brings, at absolute paths`, () => {
    for (const { name, files } of images) {
      for (const { artefact, program, path } of files) {
        assert.ok(programs.includes(artefact), `${name} has ${program}, which is not brought`);
        assert.ok(Object.hasOwn(artefact.programs, program) && path.startsWith('/'), `${name}: ${program} at ${path}`);
      }
    }
  });

  test(`${id}: its pods and those that it enrolls name images that there are`, () => {
    const known = new Set([...Object.keys(ownImages), ...images.map(({ name }) => name), 'lab/workload']);
    const specs = [...objects.flatMap(podSpecsOf), plane.enroll(template, pool).spec as V1PodSpec];
    assert.ok(specs.length > 1);
    const unknown = specs
      .flatMap(({ initContainers = [], containers }) => [...initContainers, ...containers])
      .map(({ image = '' }) => image.replace(/:lab$/, ''))
      .filter((image) => !known.has(image));
    assert.deepEqual(unknown, []);
  });

  test(`${id}: its objects are the pool's own, but for kinds of objects`, () => {
    const strange = objects
      .filter(({ kind }) => kind !== 'CustomResourceDefinition')
      .filter(({ metadata }) => ![metadata?.namespace, metadata?.name].some((name) => name?.startsWith(`lab-${id}`)));
    assert.deepEqual(strange, []);
  });
}

test('what several bring by one name is the same', () => {
  const artefactNames = everyArtefact.map(({ name, version }) => `${name} ${version}`);
  assert.deepEqual(artefactNames, [...new Set(artefactNames)]);
  const images = new Set([...dataPlanes.flatMap((plane) => plane.images), ...loadImages]);
  assert.deepEqual(
    [...images].map(({ name }) => name).sort(),
    Object.keys(broughtImages())
      .filter((name) => !Object.hasOwn(ownImages, name))
      .sort(),
  );
});

test('what every cluster is handed needs no program that is not made for it', () => {
  const late = loadImages.filter((image) => image.late).flatMap(({ files }) => files.map(({ artefact }) => artefact));
  assert.deepEqual(
    everyArtefact.filter((artefact) => late.includes(artefact) && broughtPrograms.includes(artefact)),
    [],
  );
  const needed = loadImages.filter((image) => !image.late).flatMap(({ files }) => files);
  for (const { artefact } of needed) assert.ok(broughtPrograms.includes(artefact), artefact.name);
});

test('the sources of every program are there', () => {
  for (const { name, recipe } of everyArtefact) {
    for (const path of sourcesOf(recipe)) assert.ok(existsSync(join(repository, path)), `${name} lacks ${path}`);
  }
});

test('programs for Node are made anew exactly when a file changes that the bundler reads', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'lab-bundle-'));
  t.after(() => rm(directory, { recursive: true }));
  const Report = z.object({ inputs: z.record(z.string(), z.unknown()) });
  const bundles = everyArtefact.flatMap(({ recipe }) =>
    recipe.kind === 'node' ? [Object.values(recipe.entries)] : [],
  );
  assert.ok(bundles.length > 0);
  for (const entries of bundles) {
    const report = join(directory, 'report.json');
    const flags = [...bundleFlags, `--outdir=${directory}`, `--metafile=${report}`];
    await exec(esbuild, [...entries, ...flags], { cwd: repository });
    const { inputs } = Report.parse(JSON.parse(await readFile(report, 'utf8')));
    // Those in parentheses are the bundler's own, for packages.
    const own = Object.keys(inputs).filter((path) => !/(^|\/)node_modules\/|^\(/.test(path));
    assert.deepEqual(bundleInputs(entries, repository), own.sort());
  }
});

function factsOf(id: string): ClusterFacts {
  const node = (name: string, pool: string, index: number): V1Node => ({
    metadata: { name, labels: { 'lab.dataplane': pool } },
    spec: { podCIDR: `10.244.${index}.0/24` },
    status: { addresses: [{ type: 'InternalIP', address: `172.30.0.${index}` }] },
  });
  const [first, second] = poolOf(id, id).nodes;
  const nodes = [node(first, id, 1), node(second, id, 2), node(outsideNode.name, outsideNode.pool, 3)];
  return { server: 'https://172.30.0.100:6443', nodes };
}

function podSpecsOf(object: KubernetesObject): V1PodSpec[] {
  const spec = (object as { spec?: { template?: { spec?: V1PodSpec } } }).spec?.template?.spec;
  return spec === undefined ? [] : [spec];
}

function sourcesOf(recipe: Recipe): readonly string[] {
  if (recipe.kind === 'go' || recipe.kind === 'go-output') return [`${recipe.module}/go.mod`];
  if (recipe.kind === 'node') return Object.values(recipe.entries);
  if (recipe.kind === 'bpf') return [`${recipe.folder}/Makefile`];
  if (recipe.kind === 'c') return [recipe.source];
  return recipe.kind === 'package-file' ? [`node_modules/${recipe.file}`] : [];
}
