// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * sockops and sk_msg: data between two pods of one node goes from one socket into the other, past both TCP stacks'
 * transmission. The handshake and the end of a connection go by the packets' way, so that policy sees every connection.
 *
 * A socket hands out what came by the short-cut before what came by packets. So data may change from the short-cut to
 * packets, but never back: each direction of a connection takes the short-cut from its first byte on until a message,
 * for whatever reason, does not.
 */
#include "lib/conntrack.h"
#include <bpf/bpf_core_read.h>

/* What of the kernel's own structs is read, wherever the running kernel has it. */
struct sock___lab {
	struct {
		struct {
			int counter;
		} rmem_alloc;
	} sk_backlog;
	int sk_rcvbuf;
} __attribute__((preserve_access_index));

struct inet_connection_sock___lab {
	const void *icsk_ulp_ops;
} __attribute__((preserve_access_index));

struct tcp_sock___lab {
	__u64 bytes_sent;
	__u32 write_seq;
	__u32 snd_una;
} __attribute__((preserve_access_index));

/*
 * Where the kernel has the sockets of sl_sockets: programs may send into those but not look at them. Programs write. A
 * socket may be gone: its address is only read from, by a helper that can fail, and nothing is sent on its word alone.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct socket_key);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sl_receivers SEC(".maps");

/* Remote ports are in the upper half of a word on one side of the API and in the lower half on the other. */
static __always_inline struct socket_key key_v4(__be32 local, __be32 remote, __u32 local_port, __u32 remote_port)
{
	return (struct socket_key){
		.local = addr_v4(local),
		.remote = addr_v4(remote),
		.local_port = bpf_htons(local_port),
		.remote_port = bpf_htons(bpf_ntohl(remote_port)),
	};
}

static __always_inline struct socket_key reversed(const struct socket_key *key)
{
	return (struct socket_key){
		.local = key->remote,
		.remote = key->local,
		.local_port = key->remote_port,
		.remote_port = key->local_port,
	};
}

/* Whether an address is that of a local pod which takes part. */
static __always_inline int takes_part(const struct addr *addr)
{
	const struct endpoint *endpoint = endpoint_find(addr);

	return endpoint && !(endpoint->flags & ENDPOINT_NO_SHORTCUT);
}

SEC("sockops")
int sl_sockops(struct bpf_sock_ops *ops)
{
	const struct config *config = config_get();
	struct bpf_sock *socket = ops->sk;
	struct socket_key key;
	struct tcp_sock *tcp;
	__u64 address;

	if (ops->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB && ops->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		return 0;
	if (!config || !(config->flags & CONFIG_SHORTCUT) || !socket)
		return 0;
	if (ops->family == AF_INET) {
		key = key_v4(ops->local_ip4, ops->remote_ip4, ops->local_port, ops->remote_port);
	} else if (ops->family == AF_INET6) {
		__be32 local[4] = { ops->local_ip6[0], ops->local_ip6[1], ops->local_ip6[2], ops->local_ip6[3] };
		__be32 remote[4] = { ops->remote_ip6[0], ops->remote_ip6[1], ops->remote_ip6[2],
				     ops->remote_ip6[3] };

		key = key_v4(0, 0, ops->local_port, ops->remote_port);
		key.local = addr_v6(local);
		key.remote = addr_v6(remote);
	} else {
		return 0;
	}
	/* A pod's connection to itself never leaves it. */
	if (addr_equal(&key.local, &key.remote) || !takes_part(&key.local) || !takes_part(&key.remote))
		return 0;
	tcp = bpf_skc_to_tcp_sock(socket);
	if (!tcp)
		return 0;
	address = (unsigned long)tcp;
	if (!bpf_map_update_elem(&sl_receivers, &key, &address, BPF_ANY))
		bpf_sock_hash_update(ops, &sl_sockets, &key, BPF_ANY);
	return 0;
}

/*
 * Whether all that a socket has sent so far took the short-cut. Data that the kernel encrypts must go by packets, because
 * only those are decrypted on the other side.
 */
static __always_inline int is_unsent(struct bpf_sock *socket)
{
	const struct tcp_sock___lab *tcp = (const void *)bpf_skc_to_tcp_sock(socket);
	const struct inet_connection_sock___lab *connection = (const void *)tcp;

	return tcp && tcp->bytes_sent == 0 && tcp->write_seq == tcp->snd_una && !connection->icsk_ulp_ops;
}

/*
 * Whether a socket has room for a message. By the short-cut the kernel would put into it whatever it is given; packets
 * wait for a reader. They find half of the buffer free, as much as the window was that the socket has announced.
 */
static __always_inline int has_room(const struct socket_key *key, __u32 length)
{
	const __u64 *address = bpf_map_lookup_elem(&sl_receivers, key);
	const struct sock___lab *socket;
	__u32 unread, buffer;

	if (!address)
		return 0;
	socket = (const void *)(unsigned long)*address;
	unread = BPF_CORE_READ(socket, sk_backlog.rmem_alloc.counter);
	buffer = BPF_CORE_READ(socket, sk_rcvbuf);
	return unread <= buffer / 2 && length <= buffer / 2 - unread;
}

/* The connection as one end has it, if that end's policy still allows it. */
static __always_inline struct ct_entry *allowed(const struct socket_key *socket, enum direction direction,
						const struct config *config, __u64 now)
{
	struct ct_key key = {
		.local = socket->local,
		.remote = socket->remote,
		.local_port = socket->local_port,
		.remote_port = socket->remote_port,
		.protocol = IPPROTO_TCP,
	};
	struct ct_entry *entry = bpf_map_lookup_elem(&sl_ct, &key);
	struct crossing crossing = { .config = config, .direction = direction };

	if (!entry || entry->expires <= now)
		return NULL;
	if (entry->epoch != config->epoch || (entry->flags & CT_REVOKED)) {
		const struct ipcache_entry *peer = ipcache_find(&socket->remote);

		crossing.endpoint = endpoint_find(&socket->local);
		if (!crossing.endpoint ||
		    ct_review(&crossing, &key, entry, peer ? peer->identity : IDENTITY_WORLD))
			return NULL;
	}
	return entry;
}

/* What the short-cut carries counts as seen at both ends. */
static __always_inline void note(struct ct_entry *sent, struct ct_entry *received, __u32 length, __u64 now)
{
	__u32 zero = 0;
	struct counter *carried = bpf_map_lookup_elem(&sl_shortcut, &zero);

	sent->bytes[EGRESS] += length;
	sent->expires = now + CT_TCP_LIFETIME;
	received->bytes[INGRESS] += length;
	received->expires = now + CT_TCP_LIFETIME;
	if (!carried)
		return;
	carried->packets++;
	carried->bytes += length;
}

/* Whatever does not take the short-cut goes by packets. */
SEC("sk_msg")
int sl_msg(struct sk_msg_md *msg)
{
	const struct config *config = config_get();
	__u64 now = bpf_ktime_get_coarse_ns();
	struct bpf_sock *socket = msg->sk;
	struct ct_entry *sent, *received;
	struct socket_key own, peer;

	if (!config || !(config->flags & CONFIG_SHORTCUT) || !socket || !is_unsent(socket))
		return SK_PASS;
	if (msg->family == AF_INET) {
		own = key_v4(msg->local_ip4, msg->remote_ip4, msg->local_port, msg->remote_port);
	} else {
		__be32 local[4] = { msg->local_ip6[0], msg->local_ip6[1], msg->local_ip6[2], msg->local_ip6[3] };
		__be32 remote[4] = { msg->remote_ip6[0], msg->remote_ip6[1], msg->remote_ip6[2],
				     msg->remote_ip6[3] };

		own = key_v4(0, 0, msg->local_port, msg->remote_port);
		own.local = addr_v6(local);
		own.remote = addr_v6(remote);
	}
	peer = reversed(&own);
	if (!has_room(&peer, msg->size))
		return SK_PASS;
	sent = allowed(&own, EGRESS, config, now);
	if (!sent)
		return SK_PASS;
	received = allowed(&peer, INGRESS, config, now);
	if (!received)
		return SK_PASS;
	/* It fails where the other end has not yet been, or is no longer, among the sockets. */
	if (bpf_msg_redirect_hash(msg, &sl_sockets, &peer, BPF_F_INGRESS) == SK_PASS)
		note(sent, received, msg->size, now);
	return SK_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
