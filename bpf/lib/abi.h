/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the kernel side and the node agent both read and write. It is an ABI: maps outlive the agent, so a struct that
 * changes its meaning gets a new map name. A test compares these layouts, as BTF has them, with the agent's own.
 *
 * Addresses of both families are 16 bytes in network order; an IPv4 address a.b.c.d is ::ffff:a.b.c.d. Ports are in
 * network order, everything else in the host's. Times are CLOCK_MONOTONIC nanoseconds.
 */
#pragma once

#include <linux/types.h>

struct addr {
	__be32 word[4];
};

/* Identities below 256 are reserved. Those of CIDRs begin at IDENTITY_CIDR and are each node's own. */
enum identity {
	IDENTITY_UNKNOWN = 0,
	IDENTITY_HOST = 1,
	IDENTITY_WORLD = 2,
	IDENTITY_HEALTH = 4,
	IDENTITY_INIT = 5,
	IDENTITY_REMOTE_NODE = 6,
	IDENTITY_API_SERVER = 7,
	IDENTITY_FIRST_POD = 256,
	IDENTITY_CIDR = 1 << 24,
};

enum direction {
	INGRESS = 0,
	EGRESS = 1,
};

/* Configuration: one entry, written by the agent. */
struct config {
	struct addr node_v4; /* source of masqueraded traffic; zero: none of that family */
	struct addr node_v6;
	__u32 uplink;	 /* interface index of the link to the other nodes */
	__u32 flags;	 /* enum config_flag */
	__u32 epoch;	 /* grows whenever what an existing connection may do has changed */
	__u32 report_ms; /* between two events of one connection and direction; 0: each packet */
};

enum config_flag {
	CONFIG_SHORTCUT = 1 << 0, /* sockets of two local pods may be joined */
	CONFIG_MASQUERADE = 1 << 1,
	CONFIG_EVENTS = 1 << 2,
};

/* A local pod, by each of its addresses. */
struct endpoint {
	__u32 id;      /* key into `policies`; a node's own */
	__u32 ifindex; /* of its veth on the node */
	__u32 identity;
	__u32 flags;	  /* enum endpoint_flag */
	__u64 netns;	  /* cookie of its network namespace; 0: not known */
	__u8 mac[6];	  /* the pod's own */
	__u8 node_mac[6]; /* of its veth on the node */
	__u8 pad[4];
};

enum endpoint_flag {
	ENDPOINT_POLICE_INGRESS = 1 << 0, /* some rule selects it: what no rule allows is dropped */
	ENDPOINT_POLICE_EGRESS = 1 << 1,
	ENDPOINT_NO_SHORTCUT = 1 << 2, /* its sockets are not joined: see shortcut.bpf.c for whom that is */
};

/* Longest prefix of an address to who is there. */
struct ipcache_key {
	__u32 prefixlen; /* 0 to 128; IPv4 prefixes count from 96 */
	struct addr addr;
};

struct ipcache_entry {
	__u32 identity;
	__u32 flags;	  /* enum ipcache_flag */
	struct addr node; /* the pod's node, as the next hop; zero: ask the routing table */
};

enum ipcache_flag {
	IPCACHE_CLUSTER = 1 << 0, /* pods and nodes: never masqueraded */
	IPCACHE_LOCAL = 1 << 1,	  /* this node and its pods: nothing from outside has such a source */
};

/*
 * Policy of one endpoint: longest prefix of {identity, direction, protocol, port}. The first two are always whole, so
 * a prefix counts from POLICY_STATIC_BITS. A packet is looked up with its peer's identity and, if nothing is found,
 * with identity 0, which stands for everybody: the agent has merged what overlaps, so that the first hit decides. For
 * ICMP the port is the type.
 */
struct policy_key {
	__u32 prefixlen;
	__u32 identity;
	__u8 direction;
	__u8 protocol;
	__be16 port;
};

#define POLICY_STATIC_BITS 40
#define POLICY_FULL_BITS 64

struct policy_entry {
	__u32 rule; /* the agent's number of the rule that decided; 0: none in particular */
	__u8 deny;
	__u8 pad[3];
};

/* A connection of one local pod. Two local pods that talk to each other have one entry each. */
struct ct_key {
	struct addr local;
	struct addr remote;
	__be16 local_port;
	__be16 remote_port;
	__u8 protocol;
	__u8 icmp_type; /* 0 for echo and its reply, which are one connection by their identifier */
	__u16 pad;
};

struct ct_entry {
	__u64 expires;
	__u64 reported[2]; /* by direction: when an event was last sent */
	__u64 packets[2];
	__u64 bytes[2];
	__u32 peer;	   /* identity of the other side when policy was last asked */
	__u32 rule;	   /* that decided */
	__u32 epoch;	   /* at which policy last allowed it */
	__u8 opened;	   /* enum direction of the packet that opened it */
	__u8 flags;	   /* enum ct_flag */
	__u8 tcp_flags[2]; /* by direction: all that were seen */
	__be16 port;	   /* that policy was asked about */
	__u16 pad[3];
};

enum ct_flag {
	CT_REPLIED = 1 << 0,
	CT_CLOSED_INGRESS = 1 << 1, /* a FIN or RST came in */
	CT_CLOSED_EGRESS = 1 << 2,
	CT_REVOKED = 1 << 3, /* policy no longer allows it, in either direction */
	CT_LOCAL = 1 << 4,   /* the other side is this node or a pod of it: nothing comes from the network */
};

/* Services: slot 0 is the frontend, slots 1 to `count` are its backends. */
struct service_key {
	struct addr addr;
	__be16 port;
	__u8 protocol;
	__u8 pad;
	__u32 slot;
};

struct service {
	__u32 id;		/* the service's own number, for affinity; in slots from 1: the backend's */
	__u32 count;		/* backends for new connections */
	__u32 affinity_seconds; /* 0: none */
};

struct backend {
	struct addr addr;
	__be16 port;
	__u8 protocol;
	__u8 flags; /* enum backend_flag */
};

enum backend_flag {
	BACKEND_TERMINATING = 1 << 0, /* keeps the connections that it has, gets no new ones */
};

struct affinity_key {
	__u64 client; /* cookie of the client's network namespace */
	__u32 service;
	__u32 pad;
};

struct affinity {
	__u64 last_used;
	__u32 backend;
	__u32 pad;
};

/* What a socket asked for, by what it got. */
struct translation_key {
	__u64 socket;	  /* cookie */
	struct addr addr; /* of the backend */
	__be16 port;
	__u8 protocol;
	__u8 pad[5];
};

struct translation {
	struct addr addr; /* of the service */
	__be16 port;
	__u16 pad;
	__u32 service;
};

/* Masqueraded connections, by the five-tuple of a packet in either direction, to what it is rewritten to. */
struct nat_key {
	struct addr local; /* the pod's on the way out, the node's on the way in */
	struct addr remote;
	__be16 local_port; /* for ICMP: the identifier */
	__be16 remote_port;
	__u8 protocol;
	__u8 direction;
	__u16 pad;
};

struct nat_entry {
	struct addr addr;
	__be16 port;
	__u16 pad;
	__u32 pad2;
	__u64 last_used;
};

/* What a datagram carries of which the first fragment was seen. */
struct fragment_key {
	struct addr source;
	struct addr destination;
	__be32 id;
	__u8 protocol; /* 0 for IPv6: of one datagram's fragments it may differ (RFC 8200, section 4.5) */
	__u8 pad[3];
};

struct fragment {
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol;
	__u8 pad[3];
};

/* The two ends of a connection, from one end's point of view. */
struct socket_key {
	struct addr local;
	struct addr remote;
	__be16 local_port;
	__be16 remote_port;
};

/* Counters by reason and direction; reason 0 counts what was forwarded. */
struct counter {
	__u64 packets;
	__u64 bytes;
};

#define COUNTERS (256 * 2)

/* What policy said of connections that it was asked about: allowed or refused, by direction. */
#define VERDICTS (2 * 2)

/* Numbers as Cilium's users know them. Append only. */
enum drop_reason {
	FORWARDED = 0,
	DROP_INVALID_SOURCE_IP = 132,
	DROP_POLICY = 133,  /* no rule allows it */
	DROP_INVALID = 134, /* malformed or cut off */
	DROP_CT_INVALID_HDR = 135,
	DROP_UNKNOWN_CT = 163, /* an answer to nothing, or an error about nothing */
	DROP_UNKNOWN_L3 = 139,
	DROP_UNKNOWN_L4 = 142,
	DROP_INVALID_EXTENSION = 156,
	DROP_FRAGMENT_NOT_FOUND = 175,
	DROP_NO_SERVICE = 158,
	DROP_NO_NAT_PORT = 167,
	DROP_POLICY_DENY = 181, /* a rule denies it */
	DROP_VLAN = 182,
	DROP_INTERNAL = 231, /* a map is full, a helper failed */
	DROP_ENDPOINT_NOT_READY = 203,
	DROP_GROUP = 230, /* multicast and broadcast: there is none */
};

enum event_type {
	EVENT_FLOW = 1, /* a packet was forwarded */
	EVENT_DROP = 2,
	EVENT_POLICY_VERDICT = 3,
	EVENT_TRANSLATION = 4, /* a socket's address was replaced */
};

enum observation_point {
	TO_ENDPOINT = 0,
	TO_STACK = 3,
	TO_NETWORK = 11,
	FROM_ENDPOINT = 5,
	FROM_NETWORK = 10,
	PRE_XLATE_FWD = 1,
	POST_XLATE_FWD = 2,
	POST_XLATE_REV = 4,
};

struct event {
	__u64 time;
	struct addr source;
	struct addr destination;
	__be16 source_port;
	__be16 destination_port;
	__u32 source_identity;
	__u32 destination_identity;
	__u32 endpoint; /* of the pod whose hook saw it */
	__u32 rule;
	__u32 length; /* bytes on the wire */
	__u8 type;    /* enum event_type */
	__u8 reason;  /* enum drop_reason */
	__u8 direction;
	__u8 protocol;
	__u8 tcp_flags; /* for ICMP: the type */
	__u8 is_reply;
	__u8 point; /* enum observation_point */
	__u8 icmp_code;
	__u64 socket;	     /* cookie; only for translations */
	struct addr service; /* only for translations */
	__be16 service_port;
	__u16 pad[3];
};
