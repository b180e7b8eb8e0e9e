import { relative, resolve } from 'node:path';
import { suite } from 'node:test';
import { testInNamespaces } from './namespaces.ts';

// Runs test files, each a suite, in the same namespaces, one after the other: what one of them starts there the next finds.
const files = process.argv.slice(2);

testInNamespaces(
  import.meta.filename,
  () => {
    for (const file of files) suite(relative('', file), () => import(resolve(file)).then(() => undefined));
  },
  { title: `in namespaces that they share: ${files.map((file) => relative('', file)).join(', ')}` },
);
