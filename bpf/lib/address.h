/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Addresses of both families as one type. */
#pragma once

#include "abi.h"
#include <linux/in6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2
#define AF_INET6 10

#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif

static __always_inline struct addr addr_v4(__be32 address)
{
	return (struct addr){ .word = { 0, 0, bpf_htonl(0xffff), address } };
}

static __always_inline struct addr addr_v6(const __be32 words[4])
{
	return (struct addr){ .word = { words[0], words[1], words[2], words[3] } };
}

static __always_inline int addr_is_v4(const struct addr *addr)
{
	return addr->word[0] == 0 && addr->word[1] == 0 && addr->word[2] == bpf_htonl(0xffff);
}

static __always_inline int addr_is_zero(const struct addr *addr)
{
	return (addr->word[0] | addr->word[1] | addr->word[2] | addr->word[3]) == 0;
}

static __always_inline int addr_equal(const struct addr *a, const struct addr *b)
{
	return a->word[0] == b->word[0] && a->word[1] == b->word[1] && a->word[2] == b->word[2] &&
	       a->word[3] == b->word[3];
}

/* Multicast of either family and IPv4's limited broadcast: no pod and no node has such an address to itself. */
static __always_inline int addr_is_group(const struct addr *addr)
{
	if (addr_is_v4(addr)) {
		__u32 address = bpf_ntohl(addr->word[3]);

		return (address >> 28) == 14 || address == 0xffffffff;
	}
	return (bpf_ntohl(addr->word[0]) >> 24) == 0xff;
}
