// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * All of the ABI by value, and every map, so that its BTF is whole: what no program uses, the compiler leaves out.
 * Nobody loads it.
 */
#include "../lib/maps.h"

struct addr abi_addr;
enum identity abi_identity;
enum direction abi_direction;
struct config abi_config;
enum config_flag abi_config_flag;
struct endpoint abi_endpoint;
enum endpoint_flag abi_endpoint_flag;
struct ipcache_key abi_ipcache_key;
struct ipcache_entry abi_ipcache_entry;
enum ipcache_flag abi_ipcache_flag;
struct policy_key abi_policy_key;
struct policy_entry abi_policy_entry;
struct ct_key abi_ct_key;
struct ct_entry abi_ct_entry;
enum ct_flag abi_ct_flag;
struct service_key abi_service_key;
struct service abi_service;
struct backend abi_backend;
enum backend_flag abi_backend_flag;
struct affinity_key abi_affinity_key;
struct affinity abi_affinity;
struct translation_key abi_translation_key;
struct translation abi_translation;
struct nat_key abi_nat_key;
struct nat_entry abi_nat_entry;
struct fragment_key abi_fragment_key;
struct fragment abi_fragment;
struct socket_key abi_socket_key;
struct counter abi_counter;
enum drop_reason abi_drop_reason;
enum event_type abi_event_type;
enum observation_point abi_observation_point;
struct event abi_event;
