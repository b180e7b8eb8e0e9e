// SPDX-License-Identifier: Apache-2.0
/*
 * Watches what a machine does beside a run: `lab-watch CGROUP`, where CGROUP is the name of the lab's subtree of
 * cgroups.
 *
 * For how long each processor ran nothing of ours: one thread a processor, bound to it, at a real-time priority, wakes
 * at fixed instants. Where it wakes late the processor stood still (the hypervisor ran somebody else), or was kept by
 * the kernel or a real-time thread; an ordinary process, however busy, cannot delay it.
 *
 * And what CPU time processes have used that are nobody of ours: not the kernel's, not the parent of this one or a
 * descendant of it, not in CGROUP or a descendant of one that is.
 *
 * The first line of output is empty, or says why processors cannot be watched. Each line of input is answered by one of
 * JSON: {"standstillSeconds": the longest delay since the line before, or null, "ownSeconds": CPU time of this process,
 * "processes": [[pid, start in ticks, own CPU seconds, those of children that it has waited for], …]}. It ends with its
 * input.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/*
 * Bounds what it costs (20 us a wake on a virtual machine), and is below any delay that matters. No multiple of a
 * millisecond: a load with such a timetable would meet it at each n-th request, or never.
 */
#define PERIOD_NS (3700 * 1000LL)
/* Of SCHED_FIFO, of 99: a data plane with a real-time priority of its own does not keep it from waking either. */
#define PRIORITY 98
#define STACK_BYTES (64 * 1024)
#define PROCESS_LIMIT 65536
/* linux/sched.h */
#define PF_KTHREAD 0x00200000

/* What one processor's thread knows: when it is to wake next, and how late it woke at the most. */
struct processor {
	int number;
	pthread_t thread;
	_Atomic long long due, longest;
};

struct process {
	int pid, parent;
	unsigned long long start;
	unsigned long own, children;
	bool kernel;
	/* Whether it is the lab's, as far as that is known. */
	enum { UNKNOWN, OURS, FOREIGN } owner;
};

static struct processor *processors;
static size_t processor_count;
static struct process tables[2][PROCESS_LIMIT];
static size_t lengths[2];
static const char *cgroup;

static long long now(clockid_t clock)
{
	struct timespec at;

	clock_gettime(clock, &at);
	return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void *watch(void *argument)
{
	struct processor *own = argument;
	long long due = atomic_load(&own->due);

	for (;;) {
		struct timespec at = { due / 1000000000, due % 1000000000 };
		long long woke, longest;

		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
			;
		woke = now(CLOCK_MONOTONIC);
		longest = atomic_load(&own->longest);
		while (woke - due > longest && !atomic_compare_exchange_weak(&own->longest, &longest, woke - due))
			;
		due += ((woke - due) / PERIOD_NS + 1) * PERIOD_NS;
		atomic_store(&own->due, due);
	}
	return NULL;
}

/* The longest delay since it was last asked for, one that still goes on included. */
static long long take_longest(void)
{
	long long at = now(CLOCK_MONOTONIC), longest = 0;

	for (size_t i = 0; i < processor_count; i++) {
		long long past = atomic_exchange(&processors[i].longest, 0);
		long long going_on = at - atomic_load(&processors[i].due);

		longest = past > longest ? past : longest;
		longest = going_on > longest ? going_on : longest;
	}
	return longest;
}

static int start_thread(struct processor *own)
{
	struct sched_param parameter = { .sched_priority = PRIORITY };
	pthread_attr_t attributes;
	cpu_set_t one;
	int failure;

	CPU_ZERO(&one);
	CPU_SET(own->number, &one);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_attr_setaffinity_np(&attributes, sizeof(one), &one);
	pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
	pthread_attr_setschedparam(&attributes, &parameter);
	own->due = now(CLOCK_MONOTONIC) + PERIOD_NS;
	failure = pthread_create(&own->thread, &attributes, watch, own);
	pthread_attr_destroy(&attributes);
	return failure;
}

/* Returns why it cannot, or 0. Then no processor is watched. */
static int watch_processors(void)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return errno;
	/* A page that is fetched late would be a processor that stands still. Where that is forbidden it hardly ever
	 * is. */
	mlockall(MCL_CURRENT);
	processors = calloc(CPU_COUNT(&allowed), sizeof(*processors));
	for (int number = 0; processors && number < CPU_SETSIZE; number++) {
		struct processor *own = &processors[processor_count];
		int failure;

		if (!CPU_ISSET(number, &allowed))
			continue;
		own->number = number;
		failure = start_thread(own);
		if (failure) {
			for (size_t i = 0; i < processor_count; i++)
				pthread_cancel(processors[i].thread);
			processor_count = 0;
			return failure;
		}
		processor_count++;
	}
	return processors ? 0 : ENOMEM;
}

/* Reads at most `size` - 1 bytes of a file of a process; -1 where it has gone. */
static ssize_t read_file(int pid, const char *name, char *into, size_t size)
{
	char path[64];
	ssize_t length;
	int file;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return -1;
	length = read(file, into, size - 1);
	close(file);
	into[length < 0 ? 0 : length] = 0;
	return length;
}

/* proc_pid_stat(5): the name in parentheses may hold anything. */
static bool read_process(int pid, struct process *into)
{
	char text[1024];
	unsigned long user, system, children_user, children_system;
	unsigned int flags;
	char *rest;

	if (read_file(pid, "stat", text, sizeof(text)) <= 0 || !(rest = strrchr(text, ')')))
		return false;
	if (sscanf(rest + 2, "%*c %d %*d %*d %*d %*d %u %*u %*u %*u %*u %lu %lu %lu %lu %*d %*d %*d %*d %llu",
		   &into->parent, &flags, &user, &system, &children_user, &children_system, &into->start) != 7)
		return false;
	into->pid = pid;
	into->own = user + system;
	into->children = children_user + children_system;
	into->kernel = flags & PF_KTHREAD;
	into->owner = UNKNOWN;
	return true;
}

static bool in_cgroup(int pid)
{
	char text[4096], wanted[256];

	snprintf(wanted, sizeof(wanted), ":/%s/", cgroup);
	return read_file(pid, "cgroup", text, sizeof(text)) > 0 && strstr(text, wanted);
}

static int by_pid(const void *one, const void *other)
{
	return ((const struct process *)one)->pid - ((const struct process *)other)->pid;
}

static struct process *find(int table, int pid)
{
	struct process key = { .pid = pid };

	return bsearch(&key, tables[table], lengths[table], sizeof(key), by_pid);
}

/* What was known of it stays; of a new one the parent decides, then its cgroup. */
static int owner_of(int table, struct process *process)
{
	struct process *before, *parent;

	if (process->owner != UNKNOWN)
		return process->owner;
	before = find(!table, process->pid);
	if (before && before->start == process->start)
		return process->owner = before->owner;
	if (process->pid == getpid() || process->pid == getppid())
		return process->owner = OURS;
	/* Until it is decided, so that nothing that looks like a circle is one. */
	process->owner = FOREIGN;
	parent = find(table, process->parent);
	if ((parent && owner_of(table, parent) == OURS) || in_cgroup(process->pid))
		process->owner = OURS;
	return process->owner;
}

static void read_processes(int table)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	size_t length = 0;

	while (directory && length < PROCESS_LIMIT && (entry = readdir(directory))) {
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    read_process(atoi(entry->d_name), &tables[table][length]) && !tables[table][length].kernel)
			length++;
	}
	if (directory)
		closedir(directory);
	qsort(tables[table], length, sizeof(struct process), by_pid);
	lengths[table] = length;
}

static void answer(int table)
{
	const double ticks = sysconf(_SC_CLK_TCK);
	const char *between = "";

	if (processor_count)
		printf("{\"standstillSeconds\":%.6f", take_longest() / 1e9);
	else
		printf("{\"standstillSeconds\":null");
	read_processes(table);
	printf(",\"ownSeconds\":%.6f,\"processes\":[", now(CLOCK_PROCESS_CPUTIME_ID) / 1e9);
	for (size_t i = 0; i < lengths[table]; i++) {
		struct process *process = &tables[table][i];

		if (owner_of(table, process) == OURS)
			continue;
		printf("%s[%d,%llu,%.2f,%.2f]", between, process->pid, process->start, process->own / ticks,
		       process->children / ticks);
		between = ",";
	}
	puts("]}");
}

int main(int count, char **arguments)
{
	int failure, table = 0;
	char line[64];

	if (count != 2) {
		fprintf(stderr, "usage: lab-watch CGROUP\n");
		return 2;
	}
	cgroup = arguments[1];
	setvbuf(stdout, NULL, _IOFBF, 1 << 20);
	failure = watch_processors();
	puts(failure ? strerror(failure) : "");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		answer(table);
		fflush(stdout);
		table = !table;
	}
	return 0;
}
