/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Who may talk to whom: identities, and the policy of an endpoint. */
#pragma once

#include "event.h"

static __always_inline const struct endpoint *endpoint_find(const struct addr *addr)
{
	return bpf_map_lookup_elem(&sl_pods, addr);
}

static __always_inline const struct ipcache_entry *ipcache_find(const struct addr *addr)
{
	struct ipcache_key key = { .prefixlen = 128, .addr = *addr };

	return bpf_map_lookup_elem(&sl_ipcache, &key);
}

/* Who has an address. */
struct peer {
	__u32 identity;
	__u8 is_local; /* it is this node's, or one of its pods' */
};

static __always_inline struct peer peer_find(const struct addr *addr)
{
	const struct ipcache_entry *entry = ipcache_find(addr);

	if (!entry)
		return (struct peer){ .identity = IDENTITY_WORLD };
	return (struct peer){ .identity = entry->identity, .is_local = !!(entry->flags & IPCACHE_LOCAL) };
}

/* What policy says, and which rule. */
struct decision {
	__u8 reason; /* FORWARDED where it is allowed */
	__u32 rule;
};

/* Counts what policy said of a connection that was to be opened. */
static __always_inline void policy_count(enum direction direction, __u8 reason)
{
	__u32 index = 2 * !!reason + direction;
	__u64 *asked = bpf_map_lookup_elem(&sl_verdicts, &index);

	if (asked)
		(*asked)++;
}

/*
 * Whether an endpoint's policy allows a connection with `identity`. `direction` is that of the packet that opens it,
 * from the endpoint's point of view.
 */
static __always_inline struct decision policy_decide(const struct endpoint *endpoint, enum direction direction,
						     __u32 identity, __u8 protocol, __be16 port)
{
	struct policy_key key = {
		.prefixlen = POLICY_FULL_BITS,
		.identity = identity,
		.direction = direction,
		.protocol = protocol,
		.port = port,
	};
	__u32 flag = direction == INGRESS ? ENDPOINT_POLICE_INGRESS : ENDPOINT_POLICE_EGRESS;
	const struct policy_entry *entry = NULL;
	__u32 id = endpoint->id;
	void *policy;

	if (!(endpoint->flags & flag))
		return (struct decision){ .reason = FORWARDED };
	policy = bpf_map_lookup_elem(&sl_policies, &id);
	if (policy) {
		entry = bpf_map_lookup_elem(policy, &key);
		if (!entry) {
			key.identity = IDENTITY_UNKNOWN;
			entry = bpf_map_lookup_elem(policy, &key);
		}
	}
	if (!entry)
		return (struct decision){ .reason = DROP_POLICY };
	return (struct decision){
		.reason = entry->deny ? DROP_POLICY_DENY : FORWARDED,
		.rule = entry->rule,
	};
}
