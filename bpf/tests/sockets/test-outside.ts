import { exec } from '../../../clusters/exec.ts';
import { numbers } from '../../../datapath/sidecarless/abi/numbers.ts';
import { startActor } from './test-actor.ts';
import type { TestMaps } from './test-maps.ts';
import { addNamespace, type TestPod } from './test-pod.ts';

const script = `sysctl -q -w net.ipv6.conf.default.accept_dad=0
ip netns exec outside sysctl -q -w net.ipv6.conf.default.accept_dad=0
ip link add uplink type veth peer name eth0 netns outside
ip address add 192.168.77.1/24 dev uplink
ip address add fd00:77::1/64 dev uplink nodad
ip link set uplink up
ip route add 10.7.1.0/24 via 192.168.77.2
ip route add fd00:7:1::/64 via fd00:77::2
ip -n outside -batch - <<EOF
link set eth0 up
address add 192.168.77.2/24 dev eth0
address add fd00:77::2/64 dev eth0 nodad
address add 10.7.1.2/32 dev lo
address add fd00:7:1::2/128 dev lo nodad
route add 10.7.0.0/24 via 192.168.77.1
route add fd00:7::/64 via fd00:77::1
EOF
ip link show uplink
`;

/** Another node that has a pod, as one namespace behind the uplink, on which no program is attached. */
export async function addOutside(cgroup: string, maps: TestMaps): Promise<TestPod> {
  const netns = await addNamespace('outside');
  const { stdout } = await exec('sh', ['-ec', script]);
  const ifindex = Number.parseInt(stdout, 10);
  const pod = { v4: '10.7.1.2', v6: 'fd00:7:1::2', identity: 2000 };
  const { IPCACHE_CLUSTER } = numbers.ipcache_flag;
  maps.configure({ uplink: ifindex, nodeV4: '192.168.77.1', nodeV6: 'fd00:77::1' });
  maps.putIdentity(pod.v4, pod.identity, IPCACHE_CLUSTER, '192.168.77.2');
  maps.putIdentity(pod.v6, pod.identity, IPCACHE_CLUSTER, 'fd00:77::2');
  const start = (): TestPod['actor'] => startActor(netns, cgroup);
  return { ...pod, name: 'outside', netns, endpoint: 0, link: 'uplink', ifindex, actor: start(), start };
}
