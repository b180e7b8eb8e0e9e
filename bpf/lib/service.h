/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Services: which backend a socket gets, and what it had asked for. */
#pragma once

#include "event.h"

/* Slots that are searched for a client's backend; of a service with more, those that are known are taken for its own.
 */
#define SEARCHED_SLOTS 256

/* Slots that are tried for a new connection while the agent changes them. */
#define TRIED_SLOTS 4

static __always_inline const struct service *service_slot(struct service_key *key, __u32 slot)
{
	key->slot = slot;
	return bpf_map_lookup_elem(&sl_services, key);
}

static __always_inline const struct backend *backend_find(__u32 id)
{
	return bpf_map_lookup_elem(&sl_backends, &id);
}

/* Whether a service gives a backend to new connections. Another service may still have one that this one has no longer.
 */
static __always_inline int service_has(struct service_key *key, const struct service *service, __u32 backend)
{
	const struct service *slot;

	for (__u32 i = 1; i <= SEARCHED_SLOTS && i <= service->count; i++) {
		slot = service_slot(key, i);
		if (slot && slot->id == backend)
			return 1;
	}
	return service->count > SEARCHED_SLOTS;
}

/* The backend that this client had, if it still is one and the client has not been away for too long. */
static __always_inline const struct backend *
backend_of_client(const struct affinity_key *client, struct service_key *key, const struct service *service, __u64 now)
{
	struct affinity *known = bpf_map_lookup_elem(&sl_affinity, client);
	const struct backend *backend;

	/* Another processor may have used it later than this one's `now`. */
	if (!known || (__s64)(now - known->last_used) > (__s64)(service->affinity_seconds * 1000000000ULL))
		return NULL;
	if (!service_has(key, service, known->backend))
		return NULL;
	backend = backend_find(known->backend);
	if (!backend || (service->count > SEARCHED_SLOTS && (backend->flags & BACKEND_TERMINATING)))
		return NULL;
	known->last_used = now;
	return backend;
}

/* The backend for a new connection of a client; NULL where there is none. `lot` says which. */
static __always_inline const struct backend *backend_choose(struct service_key *key, const struct service *service,
							    __u64 client, __u32 lot)
{
	struct affinity_key affinity_key = { .client = client, .service = service->id };
	__u64 now = bpf_ktime_get_coarse_ns();
	const struct backend *backend = NULL;
	const struct service *slot;

	if (service->count == 0)
		return NULL;
	if (service->affinity_seconds) {
		backend = backend_of_client(&affinity_key, key, service, now);
		if (backend)
			return backend;
	}
	for (__u32 i = 0; i < TRIED_SLOTS && !backend; i++) {
		slot = service_slot(key, (lot + i) % service->count + 1);
		if (!slot)
			continue;
		backend = backend_find(slot->id);
		if (backend && service->affinity_seconds) {
			struct affinity affinity = { .last_used = now, .backend = slot->id };

			bpf_map_update_elem(&sl_affinity, &affinity_key, &affinity, BPF_ANY);
		}
	}
	return backend;
}

static __always_inline void service_count(__u32 id)
{
	__u64 *count = bpf_map_lookup_elem(&sl_connects, &id);
	__u64 one = 1;

	if (count)
		__sync_fetch_and_add(count, 1);
	else if (bpf_map_update_elem(&sl_connects, &id, &one, BPF_NOEXIST)) {
		/* Another CPU was first. */
		count = bpf_map_lookup_elem(&sl_connects, &id);
		if (count)
			__sync_fetch_and_add(count, 1);
	}
}

static __always_inline void translation_event(const struct service_key *key, const struct backend *backend,
					      __u64 socket)
{
	const struct config *config = config_get();
	struct event *event;

	if (!config || !(config->flags & CONFIG_EVENTS))
		return;
	event = event_reserve();
	if (!event)
		return;
	*event = (struct event){
		.time = bpf_ktime_get_ns(),
		.destination = backend->addr,
		.destination_port = backend->port,
		.type = EVENT_TRANSLATION,
		.direction = EGRESS,
		.protocol = key->protocol,
		.point = POST_XLATE_FWD,
		.socket = socket,
		.service = key->addr,
		.service_port = key->port,
	};
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}
