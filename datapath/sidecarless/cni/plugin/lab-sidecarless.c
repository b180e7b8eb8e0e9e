// SPDX-License-Identifier: Apache-2.0
/*
 * CNI plugin of the sidecarless data plane (specification 0.4.0 and 1.0.0). It hands the runtime's request to the node
 * agent over a unix socket and prints the answer; it knows nothing of networks.
 *
 * Request: one line of JSON. Answer: one line, of which the first byte is the exit code, 0 or 1, and the rest is what
 * to print. An answer without its end of line was broken off.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONFIGURATION_LIMIT (1024 * 1024)
#define DEFAULT_SOCKET "/run/lab-sidecarless/agent.sock"
/* Longer than the agent's own limit: its account of what took so long is the better one. */
#define DEFAULT_TIMEOUT_SECONDS 45
#define SPACE " \t\r\n"

/* The specification's error codes. */
enum code { BAD_VERSION = 1, BAD_ENVIRONMENT = 4, IO_FAILED = 5, NOT_JSON = 6, BAD_CONFIGURATION = 7, TRY_LATER = 11 };

/* A top-level member of the configuration: `at` points into it and is NULL where there is none. */
struct member {
	const char *name, *at;
	size_t length;
};

static const struct {
	const char *member, *name;
	bool always, unless_deleting;
} variables[] = {
	{ "command", "CNI_COMMAND", true, true }, { "containerId", "CNI_CONTAINERID", true, true },
	{ "netns", "CNI_NETNS", false, true },	  { "ifname", "CNI_IFNAME", true, true },
	{ "args", "CNI_ARGS", false, false },	  { "path", "CNI_PATH", false, false },
};

static char configuration[CONFIGURATION_LIMIT + 2];
static const char *version = "1.0.0";

static void put_string(FILE *out, const char *string)
{
	putc('"', out);
	for (; *string; string++) {
		unsigned char c = *string;

		fprintf(out, c < 0x20 ? "\\u%04x" : c == '"' || c == '\\' ? "\\%c" : "%c", c);
	}
	putc('"', out);
}

__attribute__((noreturn, format(printf, 3, 4))) static void fail(enum code code, const char *details,
								 const char *format, ...)
{
	va_list arguments;
	char *message;

	va_start(arguments, format);
	if (vasprintf(&message, format, arguments) < 0)
		abort();
	va_end(arguments);
	printf("{\"cniVersion\":\"%s\",\"code\":%d,\"msg\":", version, code);
	put_string(stdout, message);
	printf(",\"details\":");
	put_string(stdout, details);
	puts("}");
	exit(1);
}

/*
 * Finds members of the object that the configuration is. Returns whether it is one object and nothing else as far as
 * brackets and strings go: nothing in it can pass for another part of the request. The agent parses it in earnest.
 */
static bool find_members(const char *c, const char *end, struct member *members, int count)
{
	struct member *member = NULL;
	bool is_name = false;
	int depth = 0;

	c += strspn(c, SPACE);
	for (; c < end && (depth > 0 || *c == '{'); c++) {
		const char *start = c;

		if (*c == '"') {
			while (++c < end && *c != '"')
				c += *c == '\\';
			for (int i = 0; depth == 1 && is_name && i < count; i++)
				if (!strncmp(start + 1, members[i].name, c - start - 1) &&
				    !members[i].name[c - start - 1])
					member = &members[i];
			is_name = false;
		} else if (*c == ':' && depth == 1 && member) {
			c += strspn(c + 1, SPACE);
			member->at = c + 1;
		} else if (*c == '{' || *c == '[') {
			is_name = ++depth == 1;
		} else if (*c == '}' || *c == ']' || *c == ',') {
			if (depth == 1) {
				if (member)
					member->length = c - member->at;
				member = NULL;
				is_name = true;
			}
			if (*c != ',' && --depth == 0)
				return c + 1 + strspn(c + 1, SPACE) == end;
		}
	}
	return false;
}

/* A member that is a string, as a copy; `otherwise` where there is none. */
static const char *string_of(const struct member *member, const char *otherwise)
{
	size_t length = member->length;

	if (!member->at)
		return otherwise;
	while (length > 0 && strchr(SPACE, member->at[length - 1]))
		length--;
	if (length < 2 || *member->at != '"' || member->at[length - 1] != '"' || memchr(member->at, '\\', length))
		fail(BAD_CONFIGURATION, "", "\"%s\" of the network configuration is no plain string", member->name);
	return strndup(member->at + 1, length - 2);
}

/* Interrupts the call that waits, and again the next one in case the signal came just before it. */
static void on_alarm(int number)
{
	alarm(number == SIGALRM);
}

static void limit_time(const struct member *seconds)
{
	struct sigaction action = { .sa_handler = on_alarm };
	long limit = seconds->at ? strtol(seconds->at, NULL, 10) : DEFAULT_TIMEOUT_SECONDS;

	if (limit < 1 || limit > 3600)
		fail(BAD_CONFIGURATION, "", "\"%s\" of the network configuration is not from 1 to 3600", seconds->name);
	sigaction(SIGALRM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	alarm(limit);
}

__attribute__((noreturn)) static void fail_at_agent(const char *socket_path, const char *what)
{
	fail(TRY_LATER, "See the agent's pod on this node and its log; once it runs, the next attempt succeeds",
	     "the sidecarless node agent %s at %s: %s", what, socket_path,
	     errno == EINTR ? "it took too long" : strerror(errno));
}

static int connect_agent(const char *socket_path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(socket_path) >= sizeof(address.sun_path))
		fail(BAD_CONFIGURATION, "", "\"agentSocket\" of the network configuration is too long: %s",
		     socket_path);
	strcpy(address.sun_path, socket_path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		fail_at_agent(socket_path, "cannot be reached");
	return fd;
}

/* Returns the exit code. */
static int ask_agent(const char *socket_path)
{
	int fd = connect_agent(socket_path);
	FILE *request = fdopen(fd, "w"), *reply = fdopen(fd, "r");
	char *answer = NULL;
	size_t size = 0;
	ssize_t length;

	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
		const char *value = getenv(variables[i].name);

		fprintf(request, "%c\"%s\":", i == 0 ? '{' : ',', variables[i].member);
		put_string(request, value ? value : "");
	}
	/* Between tokens an end of line is as good as a space, and elsewhere JSON has none. */
	for (char *c = configuration; (c = strchr(c, '\n'));)
		*c = ' ';
	fprintf(request, ",\"config\":%s}\n", configuration);
	if (fflush(request))
		fail_at_agent(socket_path, "does not listen");
	errno = EPROTO;
	length = getline(&answer, &size, reply);
	if (length < 2 || answer[length - 1] != '\n' || (*answer != '0' && *answer != '1'))
		fail_at_agent(socket_path, "gave no answer");
	if (length > 2 && (fputs(answer + 1, stdout) < 0 || fflush(stdout)))
		return 1;
	return *answer - '0';
}

int main(void)
{
	struct member members[] = { { "cniVersion", 0, 0 }, { "agentSocket", 0, 0 }, { "agentTimeoutSeconds", 0, 0 } };
	const char *command = getenv("CNI_COMMAND") ?: "", *asked;
	char missing[128] = ""; /* Room for the names of all variables. */
	bool is_version = !strcmp(command, "VERSION");
	size_t length;

	length = fread(configuration, 1, CONFIGURATION_LIMIT + 1, stdin);
	if (ferror(stdin))
		fail(IO_FAILED, "", "the network configuration cannot be read: %s", strerror(errno));
	if (length > CONFIGURATION_LIMIT)
		fail(BAD_CONFIGURATION, "", "the network configuration is larger than 1 MiB");
	/* Some ask for versions without a word. */
	if (is_version && length == 0)
		length = strlen(strcpy(configuration, "{}"));
	if (strlen(configuration) != length || !find_members(configuration, configuration + length, members, 3))
		fail(NOT_JSON, "", "the network configuration is not a JSON object");
	if (is_version) {
		printf("{\"cniVersion\":");
		put_string(stdout, string_of(&members[0], "1.0.0"));
		return puts(",\"supportedVersions\":[\"0.4.0\",\"1.0.0\"]}") < 0;
	}
	asked = string_of(&members[0], "0.1.0");
	if (strcmp(asked, "0.4.0") && strcmp(asked, "1.0.0"))
		fail(BAD_VERSION, "It supports 0.4.0 and 1.0.0", "the plugin does not support CNI version %s", asked);
	version = asked;
	if (strcmp(command, "ADD") && strcmp(command, "DEL") && strcmp(command, "CHECK"))
		fail(BAD_ENVIRONMENT, "", "CNI_COMMAND is \"%s\", not ADD, DEL, CHECK or VERSION", command);
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
		bool is_needed = strcmp(command, "DEL") ? variables[i].unless_deleting : variables[i].always;

		if (is_needed && !*(getenv(variables[i].name) ?: "")) {
			strcat(missing, *missing ? ", " : "");
			strcat(missing, variables[i].name);
		}
	}
	if (*missing)
		fail(BAD_ENVIRONMENT, "", "missing in the environment: %s", missing);
	limit_time(&members[2]);
	return ask_agent(string_of(&members[1], DEFAULT_SOCKET));
}
