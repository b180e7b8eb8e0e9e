import { test } from 'node:test';
import { testInNamespaces } from '../../clusters/netns/tests/namespaces.ts';
import { otherPort, port, testMovingCounters } from '../tests/moving-counters.ts';
import { none } from './none.ts';

testInNamespaces(import.meta.filename, () => {
  test('what must not move can', async (t) => {
    await testMovingCounters(t, none, {
      'kube-proxy/other-ports': {
        variant: null,
        placement: 'cross-node',
        go: ({ ask }) => ask('generator', otherPort),
      },
      // A pod that asks its own Service would answer itself past kube-proxy.
      'kube-proxy/masqueraded': { variant: null, placement: 'same-node', go: ({ ask }) => ask('workload', port) },
    });
  });
});
