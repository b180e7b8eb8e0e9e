// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * sockops and sk_msg: data between two pods of one node goes from one socket into the other, past both TCP stacks'
 * transmission. The handshake and the end of a connection go by the packets' way, so that policy sees every connection.
 *
 * A socket hands out what came by the short-cut before what came by packets. So a message takes the short-cut only when
 * the other side has read all that went by packets; a message may go by packets at any time, for whatever reason.
 *
 * Only sockets that do not block take part. In one that does, the kernel's recv() for joined sockets returns less than
 * MSG_WAITALL asks for, and EAGAIN at every signal, error, or room to send.
 *
 * What differs for those that do: urgent data is read among the other data; splice() from a socket does not find what
 * came by the short-cut; nobody waits for SO_RCVLOWAT or hears of the end of MSG_ZEROCOPY; an end that closes with
 * unread data sends a FIN, not a RST; TCP_INFO does not count; TLS in the kernel does not decrypt; on older kernels,
 * such as 6.1, FIONREAD says that nothing has come. A pod whose programs need one of these must have the flag
 * ENDPOINT_NO_SHORTCUT.
 */
#include "lib/conntrack.h"
#include <bpf/bpf_core_read.h>

#define O_NONBLOCK 04000

/* What of the kernel's own structs is read, wherever the running kernel has it. */
struct file___lab {
	unsigned int f_flags;
} __attribute__((preserve_access_index));

struct socket___lab {
	struct file___lab *file;
} __attribute__((preserve_access_index));

struct sock___lab {
	struct {
		struct {
			int counter;
		} rmem_alloc;
	} sk_backlog;
	int sk_rcvbuf;
	struct socket___lab *sk_socket;
} __attribute__((preserve_access_index));

struct inet_connection_sock___lab {
	const void *icsk_ulp_ops;
} __attribute__((preserve_access_index));

struct tcp_sock___lab {
	__u32 write_seq;
	__u32 copied_seq;
} __attribute__((preserve_access_index));

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

/* The local pod that has an address, if it takes part. */
static __always_inline const struct endpoint *participant(const struct addr *addr)
{
	const struct endpoint *endpoint = endpoint_find(addr);

	return endpoint && !(endpoint->flags & ENDPOINT_NO_SHORTCUT) ? endpoint : NULL;
}

static __always_inline int blocks(const struct tcp_sock *tcp)
{
	const struct sock___lab *socket = (const void *)tcp;

	return !socket->sk_socket || !socket->sk_socket->file || !(socket->sk_socket->file->f_flags & O_NONBLOCK);
}

static __always_inline void note_listener(struct bpf_sock *socket, const struct tcp_sock *tcp)
{
	__u32 nonblocking = 1;

	if (blocks(tcp))
		bpf_sk_storage_delete(&sl_listeners, socket);
	else
		bpf_sk_storage_get(&sl_listeners, socket, &nonblocking, BPF_SK_STORAGE_GET_F_CREATE);
}

static __always_inline void join(struct bpf_sock_ops *ops, const struct tcp_sock *tcp)
{
	__u64 address = (unsigned long)tcp;
	const struct endpoint *own;
	struct socket_key key;

	if (ops->family == AF_INET) {
		key = key_v4(ops->local_ip4, ops->remote_ip4, ops->local_port, ops->remote_port);
	} else if (ops->family == AF_INET6) {
		__be32 local[4] = { ops->local_ip6[0], ops->local_ip6[1], ops->local_ip6[2], ops->local_ip6[3] };
		__be32 remote[4] = { ops->remote_ip6[0], ops->remote_ip6[1], ops->remote_ip6[2], ops->remote_ip6[3] };

		key = key_v4(0, 0, ops->local_port, ops->remote_port);
		key.local = addr_v6(local);
		key.remote = addr_v6(remote);
	} else {
		return;
	}
	/* A pod's connection to itself never leaves it. */
	if (addr_equal(&key.local, &key.remote) || !participant(&key.remote))
		return;
	/* In a network namespace of one's own one can have any address. */
	own = participant(&key.local);
	if (!own || own->netns != bpf_get_netns_cookie(ops))
		return;
	if (!bpf_map_update_elem(&sl_receivers, &key, &address, BPF_ANY))
		bpf_sock_hash_update(ops, &sl_sockets, &key, BPF_ANY);
}

SEC("sockops")
int sl_sockops(struct bpf_sock_ops *ops)
{
	const struct config *config = config_get();
	struct bpf_sock *socket = ops->sk;
	const struct tcp_sock *tcp;

	if (!config || !socket)
		return 0;
	switch (ops->op) {
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
		tcp = bpf_skc_to_tcp_sock(socket);
		if (tcp)
			note_listener(socket, tcp);
		break;
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		if (!(config->flags & CONFIG_SHORTCUT))
			break;
		tcp = bpf_skc_to_tcp_sock(socket);
		if (tcp && !blocks(tcp))
			join(ops, tcp);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		if (!(config->flags & CONFIG_SHORTCUT) || !bpf_sk_storage_get(&sl_listeners, socket, NULL, 0))
			break;
		tcp = bpf_skc_to_tcp_sock(socket);
		if (tcp)
			join(ops, tcp);
		break;
	}
	return 0;
}

/*
 * Whether a socket may be given a message of another one now. By the short-cut the kernel would put into it whatever it
 * is given; packets wait for a reader. They find half of the buffer free, as much as the window was that the socket has
 * announced.
 */
static __always_inline int is_ready(const struct socket_key *key, const struct tcp_sock___lab *sender, __u32 length)
{
	const __u64 *address = bpf_map_lookup_elem(&sl_receivers, key);
	const struct sock___lab *socket;
	const struct tcp_sock___lab *tcp;
	__u32 unread, buffer;

	if (!address)
		return 0;
	socket = (const void *)(unsigned long)*address;
	tcp = (const void *)socket;
	if (BPF_CORE_READ(tcp, copied_seq) != sender->write_seq ||
	    !(BPF_CORE_READ(socket, sk_socket, file, f_flags) & O_NONBLOCK))
		return 0;
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
	struct crossing crossing = { .config = config, .direction = direction, .epoch = config_epoch(config) };

	if (!entry || entry->expires <= now)
		return NULL;
	if (!ct_is_reviewed(&crossing, entry)) {
		crossing.endpoint = endpoint_find(&socket->local);
		if (!crossing.endpoint || ct_review(&crossing, &key, entry, peer_find(&socket->remote)))
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
	const struct inet_connection_sock___lab *connection;
	const struct tcp_sock *sender;
	struct ct_entry *sent, *received;
	struct socket_key own, peer;

	if (!config || !(config->flags & CONFIG_SHORTCUT) || !socket)
		return SK_PASS;
	sender = bpf_skc_to_tcp_sock(socket);
	connection = (const void *)sender;
	/* What the kernel encrypts must go by packets: only those are decrypted on the other side. */
	if (!sender || connection->icsk_ulp_ops)
		return SK_PASS;
	if (msg->family == AF_INET) {
		own = key_v4(msg->local_ip4, msg->remote_ip4, msg->local_port, msg->remote_port);
	} else {
		__be32 local[4] = { msg->local_ip6[0], msg->local_ip6[1], msg->local_ip6[2], msg->local_ip6[3] };
		__be32 remote[4] = { msg->remote_ip6[0], msg->remote_ip6[1], msg->remote_ip6[2], msg->remote_ip6[3] };

		own = key_v4(0, 0, msg->local_port, msg->remote_port);
		own.local = addr_v6(local);
		own.remote = addr_v6(remote);
	}
	peer = reversed(&own);
	if (!is_ready(&peer, (const void *)sender, msg->size))
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
