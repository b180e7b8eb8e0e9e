/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What policy and connection tracking need to know of a packet, whichever family it is of. */
#pragma once

#include "address.h"
#include "maps.h"
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

/* Of the headers of both ICMPs (RFC 792, RFC 4443). Linux's own headers want those of the C library. */
#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12
#define ICMPV6_DEST_UNREACH 1
#define ICMPV6_PARAMPROB 4
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_REPLY 129
#define ICMP_CHECKSUM_OFFSET 2
#define ICMP_IDENTIFIER_OFFSET 4
#define ICMP_HEADER_BYTES 8
/* Of what an error quotes behind its IP header, so much is sure to be there. */
#define QUOTED_BYTES 8

#define IPV4_FRAGMENT_OFFSET 0x1fff
#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV4_DO_NOT_FRAGMENT 0x4000
#define IPV6_FRAGMENT_OFFSET 0xfff8
#define IPV6_MORE_FRAGMENTS 0x0001

/* Extension headers of one packet that are looked through. More than these nobody has reason to send. */
#define MAX_EXTENSIONS 6
#define EXTENSION_BYTES 8

#define TCP_HEADER_BYTES 20
#define UDP_HEADER_BYTES 8
#define SCTP_HEADER_BYTES 12

struct packet {
	struct addr source;
	struct addr destination;
	__be16 source_port;
	__be16 destination_port;
	__u32 end; /* of the IP packet in its frame, which may have padding behind */
	__u16 l4_offset;
	__u8 protocol;
	__u8 tcp_flags;
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 is_v4;
	__u8 is_echo;		/* ICMP: or the reply to one; its identifier stands for both ports */
	__u8 is_error;		/* ICMP: what it quotes is at l4_offset + 8 */
	__u8 is_later_fragment; /* has no ports of its own */
	__u8 is_first_fragment;
	__u8 is_fragmentable; /* a router may cut it up: IPv4 without DF */
	__u8 is_reply;	      /* of a connection that the other side opened; connection tracking knows */
	__be32 fragment_id;
};

/*
 * What the program on one CPU is looking at. It is not on the stack because that has 512 bytes, and because the
 * verifier follows what it knows of the stack along every path.
 */
struct scratch {
	struct packet packet;
	struct packet quoted;	/* in an ICMP error */
	struct ct_entry opened; /* a connection that is not in the table, or not yet */
	struct ct_key key;
	__u32 epoch; /* read before anything that policy is made of */
};

_Static_assert(sizeof(struct scratch) <= SCRATCH_BYTES, "sl_scratch is too small");

static __always_inline struct scratch *scratch_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sl_scratch, &zero);
}

static __always_inline int is_icmp(const struct packet *packet)
{
	return packet->protocol == IPPROTO_ICMP || packet->protocol == IPPROTO_ICMPV6;
}

static __always_inline struct fragment_key packet_fragment_key(const struct packet *packet)
{
	return (struct fragment_key){
		.source = packet->source,
		.destination = packet->destination,
		.id = packet->fragment_id,
		.protocol = packet->is_v4 ? packet->protocol : 0,
	};
}

/* A later fragment carries what the first does, as long as that was seen. */
static __always_inline int packet_later_fragment(struct packet *packet)
{
	struct fragment_key key = packet_fragment_key(packet);
	struct fragment *first = bpf_map_lookup_elem(&sl_datagrams, &key);

	if (!first)
		return DROP_FRAGMENT_NOT_FOUND;
	packet->source_port = first->source_port;
	packet->destination_port = first->destination_port;
	packet->protocol = first->protocol;
	/* Of ICMP only those of echoes are noted. */
	packet->is_echo = is_icmp(packet);
	return FORWARDED;
}

/* Notes what a first fragment carries for the later ones. Not before it is known that the source is who it says. */
static __always_inline void packet_fragment_note(const struct packet *packet)
{
	struct fragment_key key = packet_fragment_key(packet);
	struct fragment first = {
		.source_port = packet->source_port,
		.destination_port = packet->destination_port,
		.protocol = packet->protocol,
	};

	if (packet->is_first_fragment && (packet->is_echo || !is_icmp(packet)))
		bpf_map_update_elem(&sl_datagrams, &key, &first, BPF_ANY);
}

static __always_inline int packet_icmp(struct packet *packet, const __u8 header[8])
{
	__u8 type = header[0];

	packet->icmp_type = type;
	packet->icmp_code = header[1];
	if (packet->is_v4) {
		packet->is_error =
			type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
		packet->is_echo = type == ICMP_ECHO || type == ICMP_ECHOREPLY;
	} else {
		packet->is_error = type >= ICMPV6_DEST_UNREACH && type <= ICMPV6_PARAMPROB;
		packet->is_echo = type == ICMPV6_ECHO_REQUEST || type == ICMPV6_ECHO_REPLY;
	}
	if (packet->is_echo) {
		__builtin_memcpy(&packet->source_port, header + ICMP_IDENTIFIER_OFFSET, 2);
		packet->destination_port = packet->source_port;
	}
	return FORWARDED;
}

/* Reads the beginning of a header of `length` bytes behind the IP header; all of it must be in the packet. */
static __always_inline int packet_header(const struct __sk_buff *skb, const struct packet *packet, __u8 *header,
					 __u32 bytes, __u32 length)
{
	if (packet->l4_offset + length > packet->end)
		return DROP_INVALID;
	return bpf_skb_load_bytes(skb, packet->l4_offset, header, bytes) ? DROP_INVALID : FORWARDED;
}

static __always_inline void packet_ports(struct packet *packet, const __u8 header[4])
{
	__builtin_memcpy(&packet->source_port, header, 2);
	__builtin_memcpy(&packet->destination_port, header + 2, 2);
}

/* Whether a packet carries what policy can speak of. */
static __always_inline int is_known(const struct packet *packet)
{
	switch (packet->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		return 1;
	case IPPROTO_ICMP:
		return packet->is_v4;
	case IPPROTO_ICMPV6:
		return !packet->is_v4;
	default:
		return 0;
	}
}

/* Ports, flags and types of what is behind the IP header. */
static __always_inline int packet_l4(const struct __sk_buff *skb, struct packet *packet)
{
	__u8 header[14];

	/* What IPv6's later fragments say of themselves does not count. */
	if (!is_known(packet) && (packet->is_v4 || !packet->is_later_fragment))
		return DROP_UNKNOWN_L4;
	if (packet->is_later_fragment)
		return packet->l4_offset > packet->end ? DROP_INVALID : packet_later_fragment(packet);

	switch (packet->protocol) {
	case IPPROTO_TCP:
		/* Up to the flags. */
		if (packet_header(skb, packet, header, 14, TCP_HEADER_BYTES))
			return DROP_INVALID;
		packet_ports(packet, header);
		packet->tcp_flags = header[13];
		if (packet->l4_offset + (header[12] >> 4) * 4 > packet->end || (header[12] >> 4) < 5)
			return DROP_INVALID;
		return FORWARDED;
	case IPPROTO_UDP:
		if (packet_header(skb, packet, header, 4, UDP_HEADER_BYTES))
			return DROP_INVALID;
		packet_ports(packet, header);
		return FORWARDED;
	case IPPROTO_SCTP:
		if (packet_header(skb, packet, header, 4, SCTP_HEADER_BYTES))
			return DROP_INVALID;
		packet_ports(packet, header);
		return FORWARDED;
	default:
		if (packet_header(skb, packet, header, 8, ICMP_HEADER_BYTES))
			return DROP_INVALID;
		return packet_icmp(packet, header);
	}
}

/*
 * Reads an IPv4 header. The packet must end before `limit`, where a quotation, which is cut off anywhere, is taken to
 * end.
 */
static __always_inline int packet_v4(const struct __sk_buff *skb, __u32 offset, __u32 limit, int is_quoted,
				     struct packet *packet)
{
	struct iphdr ip;
	__u16 fragment;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)))
		return DROP_INVALID;
	if (ip.version != 4 || ip.ihl < 5 || bpf_ntohs(ip.tot_len) < ip.ihl * 4)
		return DROP_INVALID;
	packet->is_v4 = 1;
	packet->source = addr_v4(ip.saddr);
	packet->destination = addr_v4(ip.daddr);
	packet->protocol = ip.protocol;
	packet->l4_offset = offset + ip.ihl * 4;
	packet->end = is_quoted ? limit : offset + bpf_ntohs(ip.tot_len);
	fragment = bpf_ntohs(ip.frag_off);
	packet->is_later_fragment = (fragment & IPV4_FRAGMENT_OFFSET) != 0;
	packet->is_first_fragment = !packet->is_later_fragment && (fragment & IPV4_MORE_FRAGMENTS);
	packet->is_fragmentable = !(fragment & IPV4_DO_NOT_FRAGMENT);
	packet->fragment_id = ip.id;
	return packet->end > limit ? DROP_INVALID : FORWARDED;
}

static __always_inline int is_extension(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING || protocol == IPPROTO_DSTOPTS ||
	       protocol == IPPROTO_FRAGMENT;
}

static __always_inline void packet_fragment_header(struct packet *packet, const __u8 header[EXTENSION_BYTES])
{
	__u16 fragment;

	__builtin_memcpy(&fragment, header + 2, 2);
	__builtin_memcpy(&packet->fragment_id, header + 4, 4);
	fragment = bpf_ntohs(fragment);
	packet->is_later_fragment = (fragment & IPV6_FRAGMENT_OFFSET) != 0;
	packet->is_first_fragment = !packet->is_later_fragment && (fragment & IPV6_MORE_FRAGMENTS);
}

/* Follows the chain of extension headers to what is carried. What a later fragment carries begins anywhere. */
static __always_inline int packet_extensions(const struct __sk_buff *skb, struct packet *packet)
{
	__u8 header[EXTENSION_BYTES];

	/* Of a loop clang lets the end fall through into the beginning; Linux 6.1 takes loops only by jumps. */
#pragma clang loop unroll(full)
	for (int i = 0; i <= MAX_EXTENSIONS; i++) {
		if (!is_extension(packet->protocol) || packet->is_later_fragment)
			return FORWARDED;
		if (i == MAX_EXTENSIONS || (packet->protocol == IPPROTO_FRAGMENT && packet->is_first_fragment))
			return DROP_INVALID_EXTENSION;
		if (packet_header(skb, packet, header, EXTENSION_BYTES, EXTENSION_BYTES))
			return DROP_INVALID;
		if (packet->protocol == IPPROTO_FRAGMENT) {
			packet_fragment_header(packet, header);
			packet->l4_offset += EXTENSION_BYTES;
		} else {
			packet->l4_offset += (header[1] + 1) * EXTENSION_BYTES;
		}
		packet->protocol = header[0];
	}
	return DROP_INVALID_EXTENSION;
}

/* The same for IPv6, extension headers included. */
static __always_inline int packet_v6(const struct __sk_buff *skb, __u32 offset, __u32 limit, int is_quoted,
				     struct packet *packet)
{
	struct ipv6hdr ip;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)))
		return DROP_INVALID;
	if (ip.version != 6)
		return DROP_INVALID;
	packet->is_v4 = 0;
	packet->source = addr_v6(ip.saddr.in6_u.u6_addr32);
	packet->destination = addr_v6(ip.daddr.in6_u.u6_addr32);
	/* On the wire this is nobody's address, and in the maps it would be an IPv4 one. */
	if (addr_is_v4(&packet->source) || addr_is_v4(&packet->destination))
		return DROP_INVALID;
	packet->protocol = ip.nexthdr;
	packet->l4_offset = offset + sizeof(ip);
	packet->end = is_quoted ? limit : packet->l4_offset + bpf_ntohs(ip.payload_len);
	if (packet->end > limit)
		return DROP_INVALID;
	return packet_extensions(skb, packet);
}

/*
 * Reads a packet at a tc hook. Returns FORWARDED, or why it must be dropped. A function of its own, verified by itself.
 */
__noinline int packet_read(struct __sk_buff *skb, struct packet *packet)
{
	int reason;

	if (!packet)
		return DROP_INTERNAL;
	*packet = (struct packet){};
	switch (skb->protocol) {
	case bpf_htons(ETH_P_IP):
		reason = packet_v4(skb, ETH_HLEN, skb->len, 0, packet);
		break;
	case bpf_htons(ETH_P_IPV6):
		reason = packet_v6(skb, ETH_HLEN, skb->len, 0, packet);
		break;
	default:
		return DROP_UNKNOWN_L3;
	}
	return reason ? reason : packet_l4(skb, packet);
}

/*
 * Reads the packet that an ICMP error quotes: its addresses, and its ports or type.
 */
__noinline int packet_quoted(struct __sk_buff *skb, struct packet *error, struct packet *quoted)
{
	__u8 header[8];
	__u32 offset;
	int reason;

	if (!error || !quoted)
		return DROP_INTERNAL;
	*quoted = (struct packet){};
	offset = error->l4_offset + ICMP_HEADER_BYTES;
	reason = error->is_v4 ? packet_v4(skb, offset, error->end, 1, quoted)
			      : packet_v6(skb, offset, error->end, 1, quoted);
	if (reason)
		return reason;
	if (quoted->is_later_fragment)
		return packet_later_fragment(quoted);
	if (packet_header(skb, quoted, header, 8, QUOTED_BYTES))
		return DROP_INVALID;
	if (!is_known(quoted))
		return DROP_UNKNOWN_L4;
	if (is_icmp(quoted))
		return packet_icmp(quoted, header);
	packet_ports(quoted, header);
	return FORWARDED;
}

/* The port that policy looks at: of what the opener wants to reach; for ICMP the type. */
static __always_inline __be16 packet_policy_port(const struct packet *packet)
{
	if (is_icmp(packet))
		return bpf_htons(packet->icmp_type);
	return packet->destination_port;
}
