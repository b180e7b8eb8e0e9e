import { after, test } from 'node:test';
import { poolOf } from '../../clusters/cluster.ts';
import { tearDown } from '../../clusters/life/tear-down.ts';
import { exclusively, openOwnCluster } from '../session.ts';
import { assertConforms } from './expected.ts';
import { recordPods } from './record.ts';

let opened = false;
after(async () => {
  if (opened) await tearDown();
});

test('what becomes of pods on the embedded cluster is what becomes of them on kind', async ({ signal }) => {
  await exclusively(async () => {
    const { kube } = await openOwnCluster([poolOf('none', 'none')], { signal, progress: () => undefined });
    opened = true;
    assertConforms(await recordPods(kube, signal));
  });
});
