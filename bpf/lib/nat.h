/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Masquerading: what leaves the cluster has the node's address, and its answers find the pod again. */
#pragma once

#include "conntrack.h"
#include "forward.h"

/* Above Linux's own range for sockets (net.ipv4.ip_local_port_range), so that the node's are left alone. */
#define NAT_FIRST_PORT 61000
#define NAT_PORTS 4536
#define NAT_TRIES 32
/* A reset may not have counted: who has sent nothing for so long since has believed it. */
#define NAT_RESET_LIFETIME (60ULL * 1000000000)

static __always_inline __u32 l4_checksum_offset(const struct packet *packet)
{
	switch (packet->protocol) {
	case IPPROTO_TCP:
		return packet->l4_offset + offsetof(struct tcphdr, check);
	case IPPROTO_UDP:
		return packet->l4_offset + offsetof(struct udphdr, check);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return packet->l4_offset + ICMP_CHECKSUM_OFFSET;
	default:
		/* SCTP's checksum covers neither addresses nor anything that is changed here. */
		return 0;
	}
}

static __always_inline __u64 checksum_flags(const struct packet *packet)
{
	/* A UDP checksum of zero says that there is none. */
	return packet->protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
}

/* Replaces an address of the outer IP header, and what of it is in checksums. */
static __always_inline void nat_address(struct __sk_buff *skb, const struct packet *packet, int is_source,
					const struct addr *from, const struct addr *to)
{
	__u32 l4 = packet->is_later_fragment ? 0 : l4_checksum_offset(packet);

	if (packet->is_v4) {
		__u32 offset = ETH_HLEN + (is_source ? offsetof(struct iphdr, saddr) : offsetof(struct iphdr, daddr));
		__be32 old = from->word[3], new = to->word[3];

		if (l4 && packet->protocol != IPPROTO_ICMP)
			bpf_l4_csum_replace(skb, l4, old, new, checksum_flags(packet) | BPF_F_PSEUDO_HDR | 4);
		bpf_l3_csum_replace(skb, ETH_HLEN + offsetof(struct iphdr, check), old, new, 4);
		bpf_skb_store_bytes(skb, offset, &new, 4, 0);
	} else {
		__u32 offset =
			ETH_HLEN + (is_source ? offsetof(struct ipv6hdr, saddr) : offsetof(struct ipv6hdr, daddr));
		struct addr old = *from, new = *to;
		__s64 diff = bpf_csum_diff(old.word, 16, new.word, 16, 0);

		if (l4)
			bpf_l4_csum_replace(skb, l4, 0, diff, checksum_flags(packet) | BPF_F_PSEUDO_HDR);
		bpf_skb_store_bytes(skb, offset, &new, 16, 0);
	}
}

/* Replaces a port, or an echo's identifier. */
static __always_inline void nat_port(struct __sk_buff *skb, const struct packet *packet, int is_source, __be16 from,
				     __be16 to)
{
	__u32 l4 = l4_checksum_offset(packet);
	__u32 offset = packet->l4_offset;

	if (from == to || packet->is_later_fragment || !l4)
		return;
	if (is_icmp(packet))
		offset += ICMP_IDENTIFIER_OFFSET;
	else
		offset += is_source ? 0 : 2;
	bpf_l4_csum_replace(skb, l4, from, to, checksum_flags(packet) | 2);
	bpf_skb_store_bytes(skb, offset, &to, 2, 0);
}

/* Whether nothing has used a port of the node's for longer than any connection is remembered. */
static __always_inline int nat_is_stale(const struct nat_entry *owner, __u8 protocol)
{
	__u64 lifetime = protocol == IPPROTO_TCP ? CT_TCP_LIFETIME : CT_OTHER_LIFETIME;

	/* Another processor may have used it later than this one's now. */
	return (__s64)(bpf_ktime_get_coarse_ns() - owner->last_used) > (__s64)lifetime;
}

/* Whether the connection that has a port of the node's is over, so that another may have it. */
static __always_inline int nat_is_over(const struct nat_key *inward)
{
	const struct nat_entry *owner = bpf_map_lookup_elem(&sl_nat, inward);
	struct scratch *scratch = scratch_get();
	const struct ct_entry *connection;
	int is_echo, was_reset;
	__u64 now;

	if (!owner)
		return 1;
	if (!scratch)
		return 0;
	is_echo = inward->protocol == IPPROTO_ICMP || inward->protocol == IPPROTO_ICMPV6;
	scratch->key = (struct ct_key){
		.local = owner->addr,
		.remote = inward->remote,
		.local_port = owner->port,
		.remote_port = is_echo ? owner->port : inward->remote_port,
		.protocol = inward->protocol,
	};
	connection = bpf_map_lookup_elem(&sl_ct, &scratch->key);
	now = bpf_ktime_get_coarse_ns();
	/* One that made room for others goes on with its next packet. */
	if (!connection)
		return nat_is_stale(owner, inward->protocol);
	if (connection->expires <= now)
		return 1;
	was_reset = (connection->tcp_flags[INGRESS] | connection->tcp_flags[EGRESS]) & TCP_RST;
	return was_reset && (__s64)(now - owner->last_used) > (__s64)NAT_RESET_LIFETIME;
}

/* Finds a port of the node's for a new connection. Returns 0 where there is none. */
static __always_inline __be16 nat_claim(struct nat_key *inward, const struct nat_entry *pod, __be16 wanted, int keep)
{
	for (int i = 0; i < NAT_TRIES; i++) {
		__u16 port = NAT_FIRST_PORT + bpf_get_prandom_u32() % NAT_PORTS;

		inward->local_port = keep ? wanted : bpf_htons(port);
		if (!bpf_map_update_elem(&sl_nat, inward, pod, BPF_NOEXIST))
			return inward->local_port;
		if (nat_is_over(inward) && !bpf_map_update_elem(&sl_nat, inward, pod, BPF_ANY))
			return inward->local_port;
		if (keep)
			return 0;
	}
	return 0;
}

/* The port that a connection has had so far, if that is still its own; 0 otherwise. */
static __always_inline __be16 nat_keep(struct nat_key *inward, const struct nat_entry *pod, struct nat_entry *known)
{
	struct nat_entry *owner;

	known->last_used = pod->last_used;
	inward->local_port = known->port;
	owner = bpf_map_lookup_elem(&sl_nat, inward);
	if (!owner)
		return bpf_map_update_elem(&sl_nat, inward, pod, BPF_NOEXIST) ? 0 : inward->local_port;
	if (!addr_equal(&owner->addr, &pod->addr) || owner->port != pod->port)
		return 0;
	owner->last_used = pod->last_used;
	return inward->local_port;
}

/*
 * Gives a packet that leaves the cluster the node's address, unless it answers one that came from there to the pod's
 * own. Returns FORWARDED, or why it must be dropped.
 */
__noinline int nat_out(struct __sk_buff *skb, struct packet *packet)
{
	const struct config *config = config_get();
	struct nat_key outward = {}, inward;
	struct nat_entry pod, *known;
	const struct addr *node;
	__be16 port = 0;

	if (!config || !packet)
		return DROP_INTERNAL;
	node = packet->is_v4 ? &config->node_v4 : &config->node_v6;
	outward = (struct nat_key){
		.local = packet->source,
		.remote = packet->destination,
		.local_port = packet->source_port,
		/* Of an echo both "ports" are its identifier, which is rewritten: the answer has the new one twice. */
		.remote_port = packet->is_echo ? 0 : packet->destination_port,
		.protocol = packet->protocol,
		.direction = EGRESS,
	};
	known = bpf_map_lookup_elem(&sl_nat, &outward);
	if (!known && packet->is_reply)
		return FORWARDED;
	/* An error's quotation would have to be translated too; nobody outside waits for a pod's. */
	if (packet->is_error)
		return DROP_UNKNOWN_CT;
	/* There is nothing in it by which the answer would find the pod. */
	if (is_icmp(packet) && !packet->is_echo)
		return DROP_UNKNOWN_L4;
	if (addr_is_zero(node))
		return DROP_NO_NAT_PORT;

	inward = outward;
	inward.local = *node;
	inward.direction = INGRESS;
	pod = (struct nat_entry){
		.addr = packet->source,
		.port = packet->source_port,
		.last_used = bpf_ktime_get_coarse_ns(),
	};
	if (known)
		port = nat_keep(&inward, &pod, known);
	if (!port) {
		struct nat_entry out = { .addr = *node, .last_used = pod.last_used };

		port = nat_claim(&inward, &pod, packet->source_port, packet->protocol == IPPROTO_SCTP);
		if (!port)
			return DROP_NO_NAT_PORT;
		out.port = port;
		if (bpf_map_update_elem(&sl_nat, &outward, &out, BPF_ANY))
			return DROP_INTERNAL;
	}
	nat_port(skb, packet, 1, packet->source_port, port);
	nat_address(skb, packet, 1, &packet->source, node);
	return FORWARDED;
}

static __always_inline int is_node(const struct config *config, const struct packet *packet)
{
	const struct addr *node = packet->is_v4 ? &config->node_v4 : &config->node_v6;

	return addr_equal(node, &packet->destination);
}

static __always_inline __u16 checksum_fold(__s64 sum)
{
	__u32 folded = sum;

	folded = (folded & 0xffff) + (folded >> 16);
	return (folded & 0xffff) + (folded >> 16);
}

/*
 * Puts right the checksum inside a quoted packet, as far as that was quoted, for a new source address and port; and the
 * error's own for the change.
 */
static __always_inline void nat_quoted_checksum(struct __sk_buff *skb, const struct packet *error,
						const struct packet *quoted, struct addr *from, struct addr *to,
						__be16 from_port, __be16 to_port)
{
	__u32 offset = l4_checksum_offset(quoted);
	__be32 old_port = from_port, new_port = to_port;
	__u16 old, new;
	__s64 sum;

	if (!offset || offset + 2 > error->end || bpf_skb_load_bytes(skb, offset, &old, 2))
		return;
	if (quoted->protocol == IPPROTO_UDP && old == 0)
		return;
	sum = bpf_csum_diff(&old_port, 4, &new_port, 4, (__u16)~old);
	/* IPv4's ICMP is the only one without the addresses in it. */
	if (quoted->protocol != IPPROTO_ICMP)
		sum = bpf_csum_diff(from->word, 16, to->word, 16, sum);
	new = ~checksum_fold(sum);
	if (quoted->protocol == IPPROTO_UDP && new == 0)
		new = 0xffff;
	bpf_skb_store_bytes(skb, offset, &new, 2, 0);
	bpf_l4_csum_replace(skb, l4_checksum_offset(error), old, new, 2);
}

/* The pod that an error about a masqueraded packet is for: outer destination, and source of what is quoted. */
static __noinline int nat_error_in(struct __sk_buff *skb, struct packet *packet)
{
	__u32 quoted_offset = packet->l4_offset + ICMP_HEADER_BYTES;
	__u32 checksum = l4_checksum_offset(packet);
	struct scratch *scratch = scratch_get();
	struct packet *quoted;
	struct nat_entry *pod;
	struct nat_key inward;
	struct addr node = packet->destination, to;
	__be16 port;
	__u32 port_offset;

	if (!scratch || packet_quoted(skb, packet, &scratch->quoted))
		return 0;
	quoted = &scratch->quoted;
	/* Where a later fragment's ports are, there is something else in it. */
	if (quoted->is_later_fragment)
		return 0;
	inward = (struct nat_key){
		.local = quoted->source,
		.remote = quoted->destination,
		.local_port = quoted->source_port,
		.remote_port = quoted->is_echo ? 0 : quoted->destination_port,
		.protocol = quoted->protocol,
		.direction = INGRESS,
	};
	pod = bpf_map_lookup_elem(&sl_nat, &inward);
	if (!pod || nat_is_stale(pod, inward.protocol) || !addr_equal(&quoted->source, &node))
		return 0;
	to = pod->addr;
	port = pod->port;

	if (packet->is_v4) {
		__be32 old = node.word[3], new = to.word[3];

		/* In the error's own checksum the quoted address and the quoted header's checksum cancel out. */
		bpf_l3_csum_replace(skb, quoted_offset + offsetof(struct iphdr, check), old, new, 4);
		bpf_skb_store_bytes(skb, quoted_offset + offsetof(struct iphdr, saddr), &new, 4, 0);
	} else {
		__s64 diff = bpf_csum_diff(node.word, 16, to.word, 16, 0);

		bpf_l4_csum_replace(skb, checksum, 0, diff, 0);
		bpf_skb_store_bytes(skb, quoted_offset + offsetof(struct ipv6hdr, saddr), &to, 16, 0);
	}
	port_offset = quoted->l4_offset + (quoted->is_echo ? ICMP_IDENTIFIER_OFFSET : 0);
	nat_quoted_checksum(skb, packet, quoted, &node, &to, quoted->source_port, port);
	bpf_l4_csum_replace(skb, checksum, quoted->source_port, port, 2);
	bpf_skb_store_bytes(skb, port_offset, &port, 2, 0);
	nat_address(skb, packet, 0, &node, &to);
	packet->destination = to;
	return 1;
}

/* Finds the pod that an answer to a masqueraded packet is for. Returns whether there is one; the packet is its then. */
__noinline int nat_in(struct __sk_buff *skb, struct packet *packet)
{
	const struct config *config = config_get();
	struct nat_key inward;
	struct nat_entry *pod;
	struct addr node, to;
	__be16 port;

	/* What asks is for the node itself. */
	if (!config || !packet || !is_node(config, packet) || is_echo_request(packet))
		return 0;
	inward = (struct nat_key){
		.local = packet->destination,
		.remote = packet->source,
		.local_port = packet->destination_port,
		.remote_port = packet->is_echo ? 0 : packet->source_port,
		.protocol = packet->protocol,
		.direction = INGRESS,
	};
	if (packet->is_error)
		return nat_error_in(skb, packet);
	pod = bpf_map_lookup_elem(&sl_nat, &inward);
	if (!pod || nat_is_stale(pod, inward.protocol))
		return 0;
	pod->last_used = bpf_ktime_get_coarse_ns();
	to = pod->addr;
	port = pod->port;
	node = packet->destination;
	nat_port(skb, packet, 0, packet->destination_port, port);
	nat_address(skb, packet, 0, &node, &to);
	packet->destination = to;
	packet->destination_port = port;
	if (packet->is_echo)
		packet->source_port = port;
	return 1;
}
