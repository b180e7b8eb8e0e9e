/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions and answers of one size over TCP sockets that do not block, as fast as they go.
 *
 *   ping-pong serve PORT                                     answers until it is killed; says "ready" when it listens
 *   ping-pong ask ADDRESS PORT CONNECTIONS SECONDS BYTES     asks, and prints counts and latencies in nanoseconds as
 * JSON
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_BYTES 65536
#define MAX_CONNECTIONS 1024
/* Buckets of 1/64 of a power of two: 1.6 % at most from the true value. */
#define BUCKETS_PER_POWER 64
#define BUCKETS (64 * BUCKETS_PER_POWER)

struct connection {
	int fd;
	size_t received;
	uint64_t asked;
};

static char question[MAX_BYTES];
static char answer[MAX_BYTES];
static uint64_t latencies[BUCKETS];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static unsigned bucket_of(uint64_t value)
{
	unsigned power = 63 - (unsigned)__builtin_clzll(value | 1);
	uint64_t rest = power >= 6 ? (value >> (power - 6)) & 63 : (value << (6 - power)) & 63;

	return power * BUCKETS_PER_POWER + (unsigned)rest;
}

static uint64_t value_of(unsigned bucket)
{
	unsigned power = bucket / BUCKETS_PER_POWER;

	return (1ULL << power) + ((uint64_t)(bucket % BUCKETS_PER_POWER) << power) / BUCKETS_PER_POWER;
}

static uint64_t percentile(uint64_t count, double share)
{
	uint64_t seen = 0;

	for (unsigned i = 0; i < BUCKETS; i++) {
		seen += latencies[i];
		if (seen > count * share)
			return value_of(i);
	}
	return 0;
}

/* Sends all of it; who cannot take it now is waited for, which is rare at this size. */
static void send_all(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN)
			return;
		if (sent > 0) {
			data += sent;
			length -= (size_t)sent;
		}
	}
}

static void prepare(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void watch(int epoll, int fd, void *data)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = data };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		fail("epoll_ctl");
}

static void serve(int port)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	int listener = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int epoll = epoll_create1(0);
	int one = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1024))
		fail("listen");
	watch(epoll, listener, (void *)(intptr_t)listener);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct epoll_event events[64];
		int count = epoll_wait(epoll, events, 64, -1);

		for (int i = 0; i < count; i++) {
			int fd = (int)(intptr_t)events[i].data.ptr;
			ssize_t received;

			if (fd == listener) {
				int accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

				if (accepted < 0)
					continue;
				prepare(accepted);
				watch(epoll, accepted, (void *)(intptr_t)accepted);
				continue;
			}
			received = recv(fd, answer, sizeof(answer), 0);
			if (received > 0)
				send_all(fd, answer, (size_t)received);
			else if (received == 0 || errno != EAGAIN)
				close(fd);
		}
	}
}

static int connected(const char *host, int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int error = 0, epoll = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLOUT };
	socklen_t length = sizeof(error);

	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		fail(host);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) && errno != EINPROGRESS)
		fail("connect");
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	epoll_wait(epoll, &event, 1, 5000);
	close(epoll);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	errno = error;
	if (error)
		fail("connect");
	prepare(fd);
	return fd;
}

static void ask(struct connection *connection, size_t bytes)
{
	connection->received = 0;
	connection->asked = now();
	send_all(connection->fd, question, bytes);
}

static void measure(const char *host, int port, int connections, double seconds, size_t bytes)
{
	static struct connection all[MAX_CONNECTIONS];
	uint64_t began, warm, end, count = 0;
	int epoll = epoll_create1(0);

	for (int i = 0; i < connections; i++) {
		all[i].fd = connected(host, port);
		watch(epoll, all[i].fd, &all[i]);
		ask(&all[i], bytes);
	}
	began = now();
	warm = began + (uint64_t)(seconds * 1e8);
	end = warm + (uint64_t)(seconds * 1e9);
	for (;;) {
		struct epoll_event events[64];
		int ready = epoll_wait(epoll, events, 64, 1000);

		for (int i = 0; i < ready; i++) {
			struct connection *connection = events[i].data.ptr;
			ssize_t received = recv(connection->fd, answer, sizeof(answer), 0);
			uint64_t time;

			if (received <= 0) {
				if (received < 0 && errno == EAGAIN)
					continue;
				fail("recv");
			}
			connection->received += (size_t)received;
			if (connection->received < bytes)
				continue;
			time = now();
			if (time >= warm && time < end) {
				latencies[bucket_of(time - connection->asked)]++;
				count++;
			}
			ask(connection, bytes);
		}
		if (now() >= end)
			break;
	}
	printf("{\"count\":%lu,\"seconds\":%f,\"p50\":%lu,\"p90\":%lu,\"p99\":%lu}\n", count, seconds,
	       percentile(count, 0.5), percentile(count, 0.9), percentile(count, 0.99));
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve(atoi(argv[2]));
	else if (argc == 7 && strcmp(argv[1], "ask") == 0 && atoi(argv[4]) <= MAX_CONNECTIONS &&
		 atoi(argv[6]) <= MAX_BYTES)
		measure(argv[2], atoi(argv[3]), atoi(argv[4]), atof(argv[5]), (size_t)atoi(argv[6]));
	else
		fprintf(stderr, "ping-pong serve PORT | ping-pong ask ADDRESS PORT CONNECTIONS SECONDS BYTES\n");
	return argc == 3 || argc == 7 ? 0 : 2;
}
