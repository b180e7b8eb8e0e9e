/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Connections of local pods, and policy by them: it is asked when a connection is opened and again after every change
 * (the epoch), about the packet that opened it. What belongs to an allowed connection passes in both directions.
 */
#pragma once

#include "policy.h"

#define SECOND 1000000000ULL

#define CT_TCP_SYN_LIFETIME (60 * SECOND)
#define CT_TCP_LIFETIME (8000 * SECOND)
#define CT_TCP_CLOSED_LIFETIME (10 * SECOND)
#define CT_OTHER_LIFETIME (60 * SECOND)

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* A packet at a local pod's border. */
struct crossing {
	const struct config *config;
	const struct endpoint *endpoint;
	enum direction direction; /* of this packet */
	__u8 from_network;	  /* it came in by the uplink, maybe through the node's stack */
	__u32 length;
	__u32 epoch; /* of policy: all that was looked up is at least as new */
	__u32 peer;  /* identity of the other side, once that is known */
	__u32 rule;  /* that decided, where policy was asked */
	__u8 point;  /* enum observation_point */
};

static __always_inline __u32 config_epoch(const struct config *config)
{
	return *(volatile const __u32 *)&config->epoch;
}

static __always_inline void ct_key_set(struct ct_key *key, const struct packet *packet, enum direction direction)
{
	key->protocol = packet->protocol;
	key->icmp_type = packet->is_echo ? 0 : packet->icmp_type;
	key->pad = 0;
	if (direction == EGRESS) {
		key->local = packet->source;
		key->remote = packet->destination;
		key->local_port = packet->source_port;
		key->remote_port = packet->destination_port;
	} else {
		key->local = packet->destination;
		key->remote = packet->source;
		key->local_port = packet->destination_port;
		key->remote_port = packet->source_port;
	}
}

static __always_inline int is_echo_request(const struct packet *packet)
{
	return packet->is_echo && (packet->icmp_type == ICMP_ECHO || packet->icmp_type == ICMPV6_ECHO_REQUEST);
}

/* It asks for a connection, and so is no answer to one. */
static __always_inline int opens_anew(const struct packet *packet)
{
	return is_echo_request(packet) ||
	       (packet->protocol == IPPROTO_TCP && (packet->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN);
}

/*
 * Answers open nothing, and neither do later fragments of an echo, which do not say what they are. Data of a connection
 * that has been forgotten may, if policy would let it be opened.
 */
static __always_inline int is_answer(const struct packet *packet)
{
	if (is_icmp(packet) && packet->is_later_fragment)
		return 1;
	switch (packet->protocol) {
	case IPPROTO_TCP:
		return (packet->tcp_flags & TCP_RST) ||
		       (packet->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
	case IPPROTO_ICMP:
		return packet->icmp_type == ICMP_ECHOREPLY;
	case IPPROTO_ICMPV6:
		return packet->icmp_type == ICMPV6_ECHO_REPLY;
	default:
		return 0;
	}
}

static __always_inline __u64 ct_lifetime(const struct packet *packet, const struct ct_entry *entry)
{
	if (packet->protocol != IPPROTO_TCP)
		return CT_OTHER_LIFETIME;
	if (entry->flags & (CT_CLOSED_INGRESS | CT_CLOSED_EGRESS)) {
		__u8 both = CT_CLOSED_INGRESS | CT_CLOSED_EGRESS;

		/* Half closed it may still carry data for as long as it likes. */
		return (entry->flags & both) == both ? CT_TCP_CLOSED_LIFETIME : CT_TCP_LIFETIME;
	}
	return entry->flags & CT_REPLIED ? CT_TCP_LIFETIME : CT_TCP_SYN_LIFETIME;
}

static __always_inline struct verdict ct_verdict(const struct crossing *crossing, const struct ct_entry *entry,
						 __u8 type, __u8 reason)
{
	__u32 own = crossing->endpoint->identity;

	return (struct verdict){
		.source_identity = crossing->direction == EGRESS ? own : entry->peer,
		.destination_identity = crossing->direction == EGRESS ? entry->peer : own,
		.endpoint = crossing->endpoint->id,
		.rule = entry->rule,
		.type = type,
		.reason = reason,
		.direction = crossing->direction,
		.point = crossing->point,
		.is_reply = crossing->direction != entry->opened,
	};
}

static __noinline __attribute__((unused)) void tell(const struct packet *packet, const struct crossing *crossing,
						    const struct ct_entry *entry, __u8 type, __u8 reason)
{
	struct verdict verdict;

	if (!(crossing->config->flags & CONFIG_EVENTS))
		return;
	verdict = ct_verdict(crossing, entry, type, reason);
	event_send(packet, &verdict, crossing->length);
}

/* Notes a packet of an allowed connection, and tells of a flow's first packet, its ends, and now and then of others. */
static __always_inline void ct_note(const struct packet *packet, const struct crossing *crossing,
				    struct ct_entry *entry, __u64 now)
{
	__u32 direction = crossing->direction;
	__u8 flags = entry->flags;
	int agreed = flags & CT_REPLIED;
	__u8 seen, closed;

	/* Or the compiler makes an `or` of adding it to a pointer, which the verifier does not take. */
	barrier_var(direction);
	if (direction > 1)
		return;
	seen = entry->tcp_flags[direction];

	if (direction != entry->opened)
		flags |= CT_REPLIED;
	if (packet->protocol == IPPROTO_TCP) {
		closed = direction == INGRESS ? CT_CLOSED_INGRESS : CT_CLOSED_EGRESS;
		/*
		 * Only who gets a reset knows whether it counts: one out of the window ends nothing (RFC 5961). What
		 * both sides have agreed to is not forgotten for one's word, or the other would soon seem to have
		 * opened it.
		 */
		if ((packet->tcp_flags & TCP_RST) && !agreed)
			flags |= CT_CLOSED_INGRESS | CT_CLOSED_EGRESS;
		else if (packet->tcp_flags & (TCP_FIN | TCP_RST))
			flags |= closed;
		entry->tcp_flags[direction] = seen | packet->tcp_flags;
	}
	entry->flags = flags;
	entry->packets[direction]++;
	entry->bytes[direction] += crossing->length;
	entry->expires = now + ct_lifetime(packet, entry);
	if ((packet->tcp_flags & ~seen & (TCP_SYN | TCP_FIN | TCP_RST)) ||
	    now - entry->reported[direction] >= crossing->config->report_ms * 1000000ULL) {
		entry->reported[direction] = now;
		tell(packet, crossing, entry, EVENT_FLOW, FORWARDED);
	}
}

/*
 * Policy has changed since it was last asked: may this connection still be? One that may not keeps its old epoch, so
 * that its next packet asks again, even if a packet on another CPU has written its flags meanwhile.
 */
static __always_inline int ct_review(struct crossing *crossing, const struct ct_key *key, struct ct_entry *entry,
				     struct peer peer)
{
	struct decision decision =
		policy_decide(crossing->endpoint, entry->opened & 1, peer.identity, key->protocol, entry->port);
	__u8 flags = entry->flags & ~(CT_REVOKED | CT_LOCAL);

	crossing->rule = decision.rule;
	entry->peer = peer.identity;
	entry->rule = decision.rule;
	entry->flags = flags | (peer.is_local ? CT_LOCAL : 0) | (decision.reason ? CT_REVOKED : 0);
	if (!decision.reason)
		entry->epoch = crossing->epoch;
	return decision.reason;
}

static __always_inline int ct_is_reviewed(const struct crossing *crossing, const struct ct_entry *entry)
{
	return entry->epoch == crossing->epoch && !(entry->flags & CT_REVOKED);
}

/* What two pods of this node say to each other nobody else has seen. */
static __always_inline int ct_is_forged(const struct crossing *crossing, const struct ct_entry *entry)
{
	return crossing->from_network && (entry->flags & CT_LOCAL);
}

/* An ICMP error passes if what it quotes belongs to an allowed connection of this pod. */
static __always_inline int ct_error(struct __sk_buff *skb, struct packet *packet, struct crossing *crossing, __u64 now)
{
	struct scratch *scratch = scratch_get();
	struct ct_entry *entry;
	struct packet *quoted;
	int is_own;

	if (!scratch || packet_quoted(skb, packet, &scratch->quoted))
		return DROP_INVALID;
	/* It quotes a packet that went the other way. A pod is no router, and tells only who has sent it something. */
	quoted = &scratch->quoted;
	is_own = addr_equal(&quoted->source, &packet->destination) &&
		 (crossing->direction == INGRESS || addr_equal(&quoted->destination, &packet->source));
	if (!is_own)
		return DROP_UNKNOWN_CT;
	ct_key_set(&scratch->key, quoted, crossing->direction == EGRESS ? INGRESS : EGRESS);
	entry = bpf_map_lookup_elem(&sl_ct, &scratch->key);
	if (!entry || entry->expires <= now)
		return DROP_UNKNOWN_CT;
	if (!ct_is_reviewed(crossing, entry) &&
	    ct_review(crossing, &scratch->key, entry, peer_find(&scratch->key.remote)))
		return DROP_UNKNOWN_CT;
	if (ct_is_forged(crossing, entry))
		return DROP_INVALID_SOURCE_IP;
	packet->is_reply = entry->opened != crossing->direction;
	return FORWARDED;
}

/* A connection that is not known: policy decides. */
static __always_inline int ct_open(const struct packet *packet, struct crossing *crossing, const struct ct_key *key,
				   struct peer peer, __u64 now)
{
	struct scratch *scratch = scratch_get();
	struct ct_entry *entry;
	__u32 flag = crossing->direction == INGRESS ? ENDPOINT_POLICE_INGRESS : ENDPOINT_POLICE_EGRESS;
	struct decision decision;

	if (!scratch)
		return DROP_INTERNAL;
	if (is_answer(packet))
		return DROP_UNKNOWN_CT;
	entry = &scratch->opened;
	*entry = (struct ct_entry){
		.epoch = crossing->epoch,
		.peer = peer.identity,
		.opened = crossing->direction,
		.flags = peer.is_local ? CT_LOCAL : 0,
		.port = packet_policy_port(packet),
	};
	decision = policy_decide(crossing->endpoint, crossing->direction, peer.identity, packet->protocol, entry->port);
	entry->rule = decision.rule;
	crossing->rule = decision.rule;
	if (crossing->endpoint->flags & flag) {
		policy_count(crossing->direction, decision.reason);
		tell(packet, crossing, entry, EVENT_POLICY_VERDICT, decision.reason);
	}
	if (decision.reason)
		return decision.reason;
	ct_note(packet, crossing, entry, now);
	if (bpf_map_update_elem(&sl_ct, key, entry, BPF_ANY))
		return DROP_INTERNAL;
	return FORWARDED;
}

/*
 * Takes a packet over a pod's border. Returns FORWARDED, or why it must be dropped; the crossing has then who is on the
 * other side, and the rule that decided.
 */
static __noinline __attribute__((unused)) int ct_cross(struct __sk_buff *skb, struct packet *packet,
						       struct crossing *crossing)
{
	const struct addr *other = crossing->direction == EGRESS ? &packet->destination : &packet->source;
	__u64 now = bpf_ktime_get_coarse_ns();
	struct scratch *scratch = scratch_get();
	struct ct_entry *entry = NULL;
	struct ct_key *key;
	struct peer peer;
	int known = 0, reason;

	if (!scratch)
		return DROP_INTERNAL;
	key = &scratch->key;
	if (!packet->is_error) {
		ct_key_set(key, packet, crossing->direction);
		entry = bpf_map_lookup_elem(&sl_ct, key);
		known = entry && entry->expires > now;
		/* A new connection may have the ports of one that is over, or that the other side had opened. */
		if (known && opens_anew(packet))
			known = entry->opened == crossing->direction &&
				!(entry->flags & (CT_CLOSED_INGRESS | CT_CLOSED_EGRESS | CT_REVOKED));
	}

	if (known && ct_is_reviewed(crossing, entry)) {
		crossing->peer = entry->peer;
		if (ct_is_forged(crossing, entry))
			return DROP_INVALID_SOURCE_IP;
		packet->is_reply = entry->opened != crossing->direction;
		ct_note(packet, crossing, entry, now);
		return FORWARDED;
	}

	peer = peer_find(other);
	crossing->peer = peer.identity;
	if (crossing->from_network && peer.is_local)
		return DROP_INVALID_SOURCE_IP;
	if (packet->is_error)
		return ct_error(skb, packet, crossing, now);
	if (!known) {
		packet->is_reply = 0;
		return ct_open(packet, crossing, key, peer, now);
	}
	packet->is_reply = entry->opened != crossing->direction;
	reason = ct_review(crossing, key, entry, peer);
	if (!reason)
		ct_note(packet, crossing, entry, now);
	return reason;
}
