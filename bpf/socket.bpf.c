// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * cgroup programs: services at connect time. A socket that asks for a service's address gets a backend's, once, so that
 * no packet needs translating; whoever asks the socket is told the service's. IPv4 addresses in IPv6 sockets are the
 * same to all of this, because ::ffff:a.b.c.d is what they are called here anyway.
 */
#include "lib/service.h"
#include <linux/errno.h>

/* Spreads consecutive numbers: 2^64 divided by the golden ratio. */
#define COOKIE_HASH 0x9e3779b97f4a7c15ULL

#define ALLOW 1
#define REFUSE 0

static __always_inline struct addr asked_v4(const struct bpf_sock_addr *ctx)
{
	return addr_v4(ctx->user_ip4);
}

static __always_inline struct addr asked_v6(const struct bpf_sock_addr *ctx)
{
	__be32 words[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3] };

	return addr_v6(words);
}

static __always_inline void answer_v4(struct bpf_sock_addr *ctx, const struct addr *addr, __be16 port)
{
	ctx->user_ip4 = addr->word[3];
	ctx->user_port = port;
}

static __always_inline void answer_v6(struct bpf_sock_addr *ctx, const struct addr *addr, __be16 port)
{
	ctx->user_ip6[0] = addr->word[0];
	ctx->user_ip6[1] = addr->word[1];
	ctx->user_ip6[2] = addr->word[2];
	ctx->user_ip6[3] = addr->word[3];
	ctx->user_port = port;
}

static __always_inline __u8 protocol_of(const struct bpf_sock_addr *ctx)
{
	return ctx->protocol;
}

/*
 * Remembers what a socket asked for, by what it gets. Returns 1 where that is new, 0 where it was known, as for most
 * datagrams, or a negative errno.
 */
static __always_inline int remember(const struct translation_key *by, const struct translation *asked)
{
	const struct translation *known = bpf_map_lookup_elem(&sl_translated, by);

	if (known && known->port == asked->port && known->service == asked->service &&
	    addr_equal(&known->addr, &asked->addr))
		return 0;
	return bpf_map_update_elem(&sl_translated, by, asked, BPF_ANY) ? -ENOMEM : 1;
}

/*
 * Finds the backend for what a socket asks for. Returns 0 where that is no service's, 1 with `addr` and `port`
 * replaced, or a negative errno.
 */
static __always_inline int translate(struct bpf_sock_addr *ctx, struct addr *addr, __be16 *port, int is_connection)
{
	struct service_key key = { .addr = *addr, .port = *port, .protocol = protocol_of(ctx) };
	const struct service *service = service_slot(&key, 0);
	const struct backend *backend;
	struct translation_key by = {};
	struct translation asked = {};
	__u32 lot;
	int remembered;

	if (!service) {
		/* The socket may have had this address from a service before. */
		if (is_connection && key.protocol == IPPROTO_UDP) {
			by.socket = bpf_get_socket_cookie(ctx);
			by.addr = *addr;
			by.port = *port;
			by.protocol = key.protocol;
			bpf_map_delete_elem(&sl_translated, &by);
		}
		return 0;
	}
	by.socket = bpf_get_socket_cookie(ctx);
	/* All datagrams of one socket to one service are for the same backend, as long as it has the same ones. */
	lot = is_connection ? bpf_get_prandom_u32() : by.socket * COOKIE_HASH >> 32;
	backend = backend_choose(&key, service, bpf_get_netns_cookie(ctx), lot);
	if (!backend) {
		count(DROP_NO_SERVICE, EGRESS, 0);
		return -EHOSTUNREACH;
	}
	key.slot = 0;
	by.addr = backend->addr;
	by.port = backend->port;
	by.protocol = key.protocol;
	asked.addr = *addr;
	asked.port = *port;
	asked.service = service->id;
	remembered = remember(&by, &asked);
	if (remembered < 0)
		return remembered;
	if (is_connection || remembered) {
		service_count(service->id);
		translation_event(&key, backend, by.socket);
	}
	*addr = backend->addr;
	*port = backend->port;
	return 1;
}

/* What a socket had asked for, where it got `addr`. */
static __always_inline int translate_back(struct bpf_sock_addr *ctx, struct addr *addr, __be16 *port)
{
	struct translation_key by = {
		.socket = bpf_get_socket_cookie(ctx),
		.addr = *addr,
		.port = *port,
		.protocol = protocol_of(ctx),
	};
	const struct translation *asked = bpf_map_lookup_elem(&sl_translated, &by);

	if (!asked)
		return 0;
	*addr = asked->addr;
	*port = asked->port;
	return 1;
}

static __always_inline int refuse(int error)
{
	bpf_set_retval(error);
	return REFUSE;
}

static __always_inline int forward_v4(struct bpf_sock_addr *ctx, int is_connection)
{
	struct addr addr = asked_v4(ctx);
	__be16 port = ctx->user_port;
	int found = translate(ctx, &addr, &port, is_connection);

	if (found < 0)
		return refuse(found);
	if (found)
		answer_v4(ctx, &addr, port);
	return ALLOW;
}

static __always_inline int forward_v6(struct bpf_sock_addr *ctx, int is_connection)
{
	struct addr addr = asked_v6(ctx);
	__be16 port = ctx->user_port;
	int found = translate(ctx, &addr, &port, is_connection);

	if (found < 0)
		return refuse(found);
	if (found)
		answer_v6(ctx, &addr, port);
	return ALLOW;
}

static __always_inline int back_v4(struct bpf_sock_addr *ctx)
{
	struct addr addr = asked_v4(ctx);
	__be16 port = ctx->user_port;

	if (translate_back(ctx, &addr, &port))
		answer_v4(ctx, &addr, port);
	return ALLOW;
}

static __always_inline int back_v6(struct bpf_sock_addr *ctx)
{
	struct addr addr = asked_v6(ctx);
	__be16 port = ctx->user_port;

	if (translate_back(ctx, &addr, &port))
		answer_v6(ctx, &addr, port);
	return ALLOW;
}

SEC("cgroup/connect4")
int sl_connect4(struct bpf_sock_addr *ctx)
{
	return forward_v4(ctx, 1);
}

SEC("cgroup/connect6")
int sl_connect6(struct bpf_sock_addr *ctx)
{
	return forward_v6(ctx, 1);
}

SEC("cgroup/sendmsg4")
int sl_sendmsg4(struct bpf_sock_addr *ctx)
{
	return forward_v4(ctx, 0);
}

SEC("cgroup/sendmsg6")
int sl_sendmsg6(struct bpf_sock_addr *ctx)
{
	return forward_v6(ctx, 0);
}

SEC("cgroup/recvmsg4")
int sl_recvmsg4(struct bpf_sock_addr *ctx)
{
	return back_v4(ctx);
}

SEC("cgroup/recvmsg6")
int sl_recvmsg6(struct bpf_sock_addr *ctx)
{
	return back_v6(ctx);
}

SEC("cgroup/getpeername4")
int sl_getpeer4(struct bpf_sock_addr *ctx)
{
	return back_v4(ctx);
}

SEC("cgroup/getpeername6")
int sl_getpeer6(struct bpf_sock_addr *ctx)
{
	return back_v6(ctx);
}

/* A socket is closed: nobody asks any more for what it had asked for, where it was connected. */
SEC("cgroup/sock_release")
int sl_release(struct bpf_sock *ctx)
{
	struct translation_key by = {
		.socket = bpf_get_socket_cookie(ctx),
		.port = ctx->dst_port,
		.protocol = ctx->protocol,
	};
	__be32 v4 = ctx->dst_ip4;
	__be32 v6[4] = { ctx->dst_ip6[0], ctx->dst_ip6[1], ctx->dst_ip6[2], ctx->dst_ip6[3] };

	/* Or the compiler makes one load of two, of an address that is not known before: the verifier does not take it.
	 */
	barrier();
	by.addr = ctx->family == AF_INET ? addr_v4(v4) : addr_v6(v6);
	bpf_map_delete_elem(&sl_translated, &by);
	return ALLOW;
}

char _license[] SEC("license") = "Dual BSD/GPL";
