// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* tc program at the node's link to the others: what comes in for a pod goes there past the node's stack. */
#include "lib/deliver.h"
#include "lib/nat.h"

SEC("tc")
int sl_from_net(struct __sk_buff *skb)
{
	const struct config *config = config_get();
	const struct endpoint *endpoint;
	struct scratch *scratch = scratch_get();
	struct packet *packet;
	int action;

	/* The node's own traffic is not this program's business, whatever it looks like. */
	if (!config || !scratch || skb->vlan_present)
		return TC_ACT_OK;
	scratch->epoch = config_epoch(config);
	packet = &scratch->packet;
	if (packet_read(skb, packet))
		return TC_ACT_OK;
	note_arriving(packet, 1);
	nat_in(skb, packet);
	endpoint = endpoint_find(&packet->destination);
	if (!endpoint)
		return TC_ACT_OK;
	action = enter_pod(skb, packet, config, endpoint, 1);
	return action == TC_ACT_OK ? forward_to_pod(skb, packet, endpoint) : action;
}

char _license[] SEC("license") = "Dual BSD/GPL";
