import { relative, resolve } from 'node:path';
import { after, suite } from 'node:test';

// A process for each file spends most of its time on starting: here one process goes through many, each a suite, which
// keeps the hooks of a file to its own tests.
for (const file of process.argv.slice(2)) {
  suite(relative('', file), async () => {
    await import(resolve(file));
  });
}

// A test that ends the process must not take the other files' tests with it unseen.
let ended = false;
after(() => {
  ended = true;
});
process.on('exit', () => {
  if (!ended) process.exitCode = 1;
});
