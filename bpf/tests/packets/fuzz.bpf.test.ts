import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import { type Datapath, loadDatapath } from './datapath.ts';
import { fuzz } from './fuzz.ts';
import { linkNames } from './fuzz-world.ts';
import { addLinks, type Links, removeLinks } from './links.ts';

/** How many packets, which take a minute, and which: `LAB_FUZZ_PACKETS=50000 LAB_FUZZ_SEED=7` is fewer and others. */
const packets = Number(process.env.LAB_FUZZ_PACKETS ?? 1_000_000);
const seed = Number(process.env.LAB_FUZZ_SEED ?? 1);
const uplinkMtuBytes = 1400;

testInNamespaces(import.meta.filename, () => {
  const names = ['uplink', ...linkNames];
  let links: Links = {};
  let datapath: Datapath;

  before(async () => {
    links = await addLinks(names, uplinkMtuBytes);
    datapath = await loadDatapath();
  });
  after(async () => {
    await datapath.close();
    await removeLinks(names);
  });

  test(`${packets} random packets fare as in the model`, (context) => {
    const began = performance.now();
    const { episodes, abandoned, seen } = fuzz({ datapath, links, uplinkMtuBytes, packets, seed });
    const seconds = (performance.now() - began) / 1000;
    context.diagnostic(`${Math.round(packets / seconds)} packets/s, ${abandoned} of ${episodes} episodes too slow`);
    context.diagnostic(
      [...seen]
        .sort()
        .map(([name, count]) => `${name}: ${count}`)
        .join(', '),
    );
    assert.ok(abandoned * 10 <= episodes);
    for (const name of ['pod/0', 'pod/2', 'pod/7', 'stack/0', 'stack/2', 'network/0', 'network/2', 'network/7']) {
      assert.ok((seen.get(name) ?? 0) > packets / 500, `${name}: ${seen.get(name)}`);
    }
  });
});
