import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dnatConnections, linkBytes } from './node-counters.ts';

// As kube-proxy 1.34 and iptables-save 1.8.9 write them.
const rules = `*nat
:KUBE-SVC-AAAA - [0:0]
[12:720] -A KUBE-SERVICES -d 10.96.10.1/32 -p tcp -m comment --comment "lab-none/workload:l4-plain cluster IP" -m tcp --dport 8082 -j KUBE-SVC-AAAA
[7:420] -A KUBE-SVC-AAAA -m comment --comment "lab-none/workload:l4-plain -> 10.244.2.2:8082" -m statistic --mode random --probability 0.5 -j KUBE-SEP-BBBB
[5:300] -A KUBE-SVC-AAAA -m comment --comment "lab-none/workload:l4-plain -> 10.244.2.3:8082" -j KUBE-SEP-CCCC
[9:540] -A KUBE-SVC-DDDD -m comment --comment "lab-none/workload:l4 -> 10.244.2.2:8080" -j KUBE-SEP-EEEE
[7:420] -A KUBE-SEP-BBBB -p tcp -m comment --comment "lab-none/workload:l4-plain" -m tcp -j DNAT --to-destination 10.244.2.2:8082
COMMIT
`;

test('counts the connections to all backends of one Service port, and of no other', () => {
  assert.equal(dnatConnections(rules, 'lab-none/workload:l4-plain'), 12);
  assert.equal(dnatConnections(rules, 'lab-none/workload:l4'), 9);
  assert.equal(dnatConnections(rules, 'lab-none/workload:l7'), 0);
});

test('reads the bytes of one link', () => {
  const links = JSON.stringify([
    { ifname: 'lo', stats64: { rx: { bytes: 1 }, tx: { bytes: 1 } } },
    { ifname: 'eth0', stats64: { rx: { bytes: 300, packets: 3 }, tx: { bytes: 200, packets: 2 } } },
  ]);
  assert.deepEqual(linkBytes(links, 'eth0'), { sent: 200, received: 300 });
});
