/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What becomes of a packet at a pod's border. */
#pragma once

#include "conntrack.h"
#include <linux/pkt_cls.h>

static __noinline int drop(const struct packet *packet, const struct crossing *crossing, __u8 reason)
{
	struct scratch *scratch = scratch_get();

	count(reason, crossing->direction, crossing->length);
	if (!scratch)
		return TC_ACT_SHOT;
	scratch->opened = (struct ct_entry){
		.peer = crossing->peer,
		.rule = crossing->rule,
		.opened = packet->is_reply ? !crossing->direction : crossing->direction,
	};
	tell(packet, crossing, &scratch->opened, EVENT_DROP, reason);
	return TC_ACT_SHOT;
}

/* The border that a packet for a local pod comes to. */
static __always_inline struct crossing entrance(const struct __sk_buff *skb, const struct config *config,
						const struct endpoint *endpoint, int from_network)
{
	const struct scratch *scratch = scratch_get();

	return (struct crossing){
		.config = config,
		.endpoint = endpoint,
		.epoch = scratch ? scratch->epoch : 0,
		.direction = INGRESS,
		.from_network = from_network,
		.length = skb->len,
		.point = TO_ENDPOINT,
	};
}

/* Notes a first fragment, if it is not the network's in the name of somebody who is here: that one will be dropped. */
static __always_inline void note_arriving(const struct packet *packet, int from_network)
{
	if (packet->is_first_fragment && from_network && peer_find(&packet->source).is_local)
		return;
	packet_fragment_note(packet);
}

/* Asks a local pod's policy for a packet. Returns TC_ACT_OK where it may enter. */
static __noinline int enter_pod(struct __sk_buff *skb, struct packet *packet, const struct config *config,
				const struct endpoint *endpoint, int from_network)
{
	struct crossing crossing = entrance(skb, config, endpoint, from_network);
	int reason = ct_cross(skb, packet, &crossing);

	if (reason)
		return drop(packet, &crossing, reason);
	count(FORWARDED, INGRESS, skb->len);
	return TC_ACT_OK;
}
