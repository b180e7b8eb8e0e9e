/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Counters, and events for `lab flows`. */
#pragma once

#include "packet.h"

static __always_inline const struct config *config_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sl_config, &zero);
}

static __always_inline void count(__u8 reason, enum direction direction, __u32 length)
{
	__u32 index = reason * 2 + direction;
	struct counter *counter = bpf_map_lookup_elem(&sl_counters, &index);

	if (!counter)
		return;
	counter->packets++;
	counter->bytes += length;
}

/* Room for an event; where there is none, that is counted. */
static __always_inline struct event *event_reserve(void)
{
	struct event *event = bpf_ringbuf_reserve(&sl_events, sizeof(*event), 0);
	__u32 zero = 0;
	__u64 *lost;

	if (event)
		return event;
	lost = bpf_map_lookup_elem(&sl_lost, &zero);
	if (lost)
		(*lost)++;
	return NULL;
}

/* What an event says beyond the packet itself. */
struct verdict {
	__u32 source_identity;
	__u32 destination_identity;
	__u32 endpoint;
	__u32 rule;
	__u8 type;
	__u8 reason;
	__u8 direction;
	__u8 point;
	__u8 is_reply;
};

static __always_inline void event_send(const struct packet *packet, const struct verdict *verdict, __u32 length)
{
	struct event *event = event_reserve();

	if (!event)
		return;
	*event = (struct event){
		.time = bpf_ktime_get_ns(),
		.source = packet->source,
		.destination = packet->destination,
		.source_port = packet->source_port,
		.destination_port = packet->destination_port,
		.source_identity = verdict->source_identity,
		.destination_identity = verdict->destination_identity,
		.endpoint = verdict->endpoint,
		.rule = verdict->rule,
		.length = length,
		.type = verdict->type,
		.reason = verdict->reason,
		.direction = verdict->direction,
		.protocol = packet->protocol,
		.tcp_flags = packet->protocol == IPPROTO_TCP ? packet->tcp_flags : packet->icmp_type,
		.is_reply = verdict->is_reply,
		.point = verdict->point,
		.icmp_code = packet->icmp_code,
	};
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}
