/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Where an allowed packet goes: past the node's own stack wherever that has nothing to add. */
#pragma once

#include "policy.h"
#include <linux/pkt_cls.h>

static __always_inline int drop_unseen(enum direction direction, __u8 reason, __u32 length)
{
	count(reason, direction, length);
	return TC_ACT_SHOT;
}

static __always_inline __u32 hop_offset(const struct packet *packet)
{
	return ETH_HLEN + (packet->is_v4 ? offsetof(struct iphdr, ttl) : offsetof(struct ipv6hdr, hop_limit));
}

/* Whether no hop is left to a packet: the stack tells its sender. */
static __always_inline int forward_is_late(const struct __sk_buff *skb, const struct packet *packet)
{
	__u8 left;

	return bpf_skb_load_bytes(skb, hop_offset(packet), &left, 1) || left <= 1;
}

/* Whether a packet is too big for the link to the other nodes: the stack tells its sender. */
static __always_inline int forward_is_big(struct __sk_buff *skb, const struct config *config)
{
	__u32 mtu = 0;

	return bpf_check_mtu(skb, config->uplink, &mtu, 0, BPF_MTU_CHK_SEGS) != 0;
}

/* One hop less to live, as by any router. Returns whether there was one left. */
static __always_inline int forward_hop(struct __sk_buff *skb, const struct packet *packet)
{
	__u8 left;

	if (bpf_skb_load_bytes(skb, hop_offset(packet), &left, 1) || left <= 1)
		return 0;
	if (packet->is_v4)
		bpf_l3_csum_replace(skb, ETH_HLEN + offsetof(struct iphdr, check), bpf_htons(left << 8),
				    bpf_htons((left - 1) << 8), 2);
	left--;
	bpf_skb_store_bytes(skb, hop_offset(packet), &left, 1, 0);
	return 1;
}

/* Into a local pod, from the ingress side of a tc hook. */
static __always_inline int forward_to_pod(struct __sk_buff *skb, const struct packet *packet,
					  const struct endpoint *endpoint)
{
	__u8 link[12];

	if (!forward_hop(skb, packet))
		return TC_ACT_OK;
	__builtin_memcpy(link, endpoint->mac, 6);
	__builtin_memcpy(link + 6, endpoint->node_mac, 6);
	bpf_skb_store_bytes(skb, 0, link, sizeof(link), 0);
	return bpf_redirect_peer(endpoint->ifindex, 0);
}

/* To another node, or to the next hop that the routing table has where `node` is NULL. */
static __always_inline int forward_to_network(struct __sk_buff *skb, const struct packet *packet,
					      const struct config *config, const struct addr *node)
{
	struct bpf_redir_neigh next = {};

	if (forward_is_big(skb, config) || !forward_hop(skb, packet))
		return TC_ACT_OK;
	if (!node || addr_is_zero(node))
		return bpf_redirect_neigh(config->uplink, NULL, 0, 0);
	if (addr_is_v4(node)) {
		next.nh_family = AF_INET;
		next.ipv4_nh = node->word[3];
	} else {
		next.nh_family = AF_INET6;
		__builtin_memcpy(next.ipv6_nh, node->word, 16);
	}
	return bpf_redirect_neigh(config->uplink, &next, sizeof(next), 0);
}
