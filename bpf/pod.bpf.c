// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* tc programs at a pod's veth, on the node's side: what comes from the pod, and what the node's stack sends to it. */
#include "lib/deliver.h"
#include "lib/nat.h"

/* Frames that are no business of policy's. Returns whether there is a packet to look at; `action` is what else to do.
 */
static __always_inline int is_packet(const struct __sk_buff *skb, enum direction direction, int *action)
{
	if (skb->vlan_present || skb->protocol == bpf_htons(ETH_P_8021Q) || skb->protocol == bpf_htons(ETH_P_8021AD)) {
		*action = drop_unseen(direction, DROP_VLAN, skb->len);
		return 0;
	}
	if (skb->protocol == bpf_htons(ETH_P_ARP)) {
		*action = TC_ACT_OK;
		return 0;
	}
	return 1;
}

/* Gives a packet that leaves the cluster the node's address. Returns FORWARDED, or why it must be dropped. */
static __always_inline int masquerade(struct __sk_buff *skb, struct packet *packet, const struct config *config,
				      int *to_stack)
{
	int is_big = forward_is_big(skb, config);

	/* What the stack is to tell the sender of must still be the sender's. It would cut up a packet as it is. */
	if (is_big && packet->is_fragmentable && !packet->is_reply)
		return DROP_NO_NAT_PORT;
	*to_stack = is_big || forward_is_late(skb, packet);
	return *to_stack ? FORWARDED : nat_out(skb, packet);
}

/* Where a packet goes that has left its pod and is for no local one. */
static __always_inline int leave_node(struct __sk_buff *skb, struct packet *packet, const struct crossing *crossing)
{
	const struct config *config = crossing->config;
	const struct ipcache_entry *entry = ipcache_find(&packet->destination);
	__u32 flags = entry ? entry->flags : 0;
	int to_stack = crossing->peer == IDENTITY_HOST || (flags & IPCACHE_LOCAL);
	struct addr node = {};
	int reason;

	if (flags & IPCACHE_CLUSTER) {
		node = entry->node;
	} else if (!to_stack && (config->flags & CONFIG_MASQUERADE)) {
		reason = masquerade(skb, packet, config, &to_stack);
		if (reason)
			return drop(packet, crossing, reason);
	}
	count(FORWARDED, EGRESS, crossing->length);
	return to_stack ? TC_ACT_OK : forward_to_network(skb, packet, config, &node);
}

/* A pod sends what it says is another's: who it is itself is not known by what it sends. */
static __noinline int drop_spoofed(const struct packet *packet, const struct config *config, __u32 length)
{
	struct verdict verdict = {
		.type = EVENT_DROP,
		.reason = DROP_INVALID_SOURCE_IP,
		.direction = EGRESS,
		.point = FROM_ENDPOINT,
	};

	if (config->flags & CONFIG_EVENTS)
		event_send(packet, &verdict, length);
	return drop_unseen(EGRESS, DROP_INVALID_SOURCE_IP, length);
}

SEC("tc")
int sl_from_pod(struct __sk_buff *skb)
{
	const struct config *config = config_get();
	const struct endpoint *endpoint, *destination;
	struct scratch *scratch = scratch_get();
	struct packet *packet;
	struct crossing crossing;
	int action, reason;

	if (!config || !scratch)
		return drop_unseen(EGRESS, DROP_INTERNAL, skb->len);
	if (!is_packet(skb, EGRESS, &action))
		return action;
	scratch->epoch = config_epoch(config);
	packet = &scratch->packet;
	reason = packet_read(skb, packet);
	if (addr_is_zero(&packet->source))
		return drop_unseen(EGRESS, reason ?: DROP_INVALID_SOURCE_IP, skb->len);
	endpoint = endpoint_find(&packet->source);
	if (!endpoint || endpoint->ifindex != skb->ifindex)
		return drop_spoofed(packet, config, skb->len);
	crossing = (struct crossing){
		.config = config,
		.endpoint = endpoint,
		.epoch = scratch->epoch,
		.direction = EGRESS,
		.length = skb->len,
		.point = FROM_ENDPOINT,
	};
	if (reason)
		return drop(packet, &crossing, reason);
	/* Neighbours are set by hand and there are no groups: what a pod says to them is nobody's. */
	if (addr_is_group(&packet->destination))
		return drop_unseen(EGRESS, DROP_GROUP, skb->len);

	packet_fragment_note(packet);
	reason = ct_cross(skb, packet, &crossing);
	if (reason)
		return drop(packet, &crossing, reason);
	destination = endpoint_find(&packet->destination);
	if (!destination)
		return leave_node(skb, packet, &crossing);
	count(FORWARDED, EGRESS, skb->len);
	action = enter_pod(skb, packet, config, destination, 0);
	return action == TC_ACT_OK ? forward_to_pod(skb, packet, destination) : action;
}

SEC("tc")
int sl_to_pod(struct __sk_buff *skb)
{
	const struct config *config = config_get();
	const struct endpoint *endpoint;
	struct scratch *scratch = scratch_get();
	struct crossing crossing;
	struct packet *packet;
	int action, from_network, reason;

	if (!config || !scratch)
		return drop_unseen(INGRESS, DROP_INTERNAL, skb->len);
	if (!is_packet(skb, INGRESS, &action))
		return action;
	scratch->epoch = config_epoch(config);
	packet = &scratch->packet;
	reason = packet_read(skb, packet);
	endpoint = endpoint_find(&packet->destination);
	if (!endpoint || endpoint->ifindex != skb->ifindex)
		return drop_unseen(INGRESS, reason ?: DROP_ENDPOINT_NOT_READY, skb->len);
	/* The stack hands on what the uplink's program left to it. */
	from_network = config->uplink && skb->ingress_ifindex == config->uplink;
	if (reason) {
		crossing = entrance(skb, config, endpoint, from_network);
		return drop(packet, &crossing, reason);
	}
	note_arriving(packet, from_network);
	return enter_pod(skb, packet, config, endpoint, from_network);
}

char _license[] SEC("license") = "Dual BSD/GPL";
