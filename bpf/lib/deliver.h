/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What becomes of a packet at a pod's border. */
#pragma once

#include "conntrack.h"
#include <linux/pkt_cls.h>

static __noinline int drop(const struct packet *packet, const struct crossing *crossing, __u32 peer, __u8 reason)
{
	struct scratch *scratch = scratch_get();

	count(reason, crossing->direction, crossing->length);
	if (!scratch)
		return TC_ACT_SHOT;
	scratch->opened = (struct ct_entry){ .peer = peer, .opened = crossing->direction };
	tell(packet, crossing, &scratch->opened, EVENT_DROP, reason);
	return TC_ACT_SHOT;
}

/* The border that a packet for a local pod comes to. */
static __always_inline struct crossing entrance(const struct __sk_buff *skb, const struct config *config,
						const struct endpoint *endpoint, int from_network)
{
	return (struct crossing){
		.config = config,
		.endpoint = endpoint,
		.direction = INGRESS,
		.from_network = from_network,
		.length = skb->len,
		.point = TO_ENDPOINT,
	};
}

/* Asks a local pod's policy for a packet. Returns TC_ACT_OK where it may enter. */
static __noinline int enter_pod(struct __sk_buff *skb, struct packet *packet, const struct config *config,
				const struct endpoint *endpoint, int from_network)
{
	struct crossing crossing = entrance(skb, config, endpoint, from_network);
	__u32 peer = IDENTITY_UNKNOWN;
	int reason = ct_cross(skb, packet, &crossing, &peer);

	if (reason)
		return drop(packet, &crossing, peer, reason);
	count(FORWARDED, INGRESS, skb->len);
	return TC_ACT_OK;
}
