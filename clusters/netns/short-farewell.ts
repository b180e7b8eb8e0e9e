/**
 * A sysctl for every network namespace of the lab. A TCP connection whose process was killed keeps its namespace, and the
 * BPF programs of its cgroup, until its peer has acknowledged the end. When a cluster ends the peer is gone with its links,
 * and the kernel would go on asking for minutes; after three repetitions it has given up in 3 s.
 */
export const shortFarewell = 'net.ipv4.tcp_orphan_retries=3';
