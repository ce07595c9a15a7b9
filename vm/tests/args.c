// SPDX-License-Identifier: GPL-2.0-only
/* What the test clients share: see args.h. */
#define _GNU_SOURCE
#include "args.h"
#include <time.h>

char **args;

const char *errname(int err)
{
	const char *name = strerrorname_np(err);

	return !err ? "0" : name ? name : "unknown";
}

_Noreturn void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, errname(errno));
	exit(1);
}

_Noreturn void usage(const char *what)
{
	fprintf(stderr, "bad argument: %s\n", what);
	exit(2);
}

const char *arg(const char *key, const char *otherwise)
{
	size_t len = strlen(key);

	for (char **a = args; *a; a++)
		if (!strncmp(*a, key, len) && (*a)[len] == '=')
			otherwise = *a + len + 1;
	return otherwise;
}

uint64_t number(const char *text)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;
	uint64_t n = strtoull(text, &end, 0);

	if (*end && (unit = strchr(units, *end))) {
		n <<= 10 * (unit - units + 1);
		end++;
	}
	if (end == text || *end)
		usage(text);
	return n;
}

uint64_t num(const char *key, uint64_t otherwise)
{
	const char *text = arg(key, NULL);

	return text ? number(text) : otherwise;
}

int open_device(const char *name, int flags)
{
	int fd;

	if (name[0] == '@')
		return number(name + 1);
	fd = open(name, flags | O_CLOEXEC);
	if (fd < 0)
		die("open");
	return fd;
}

void write_file(const char *name, const void *data, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len || close(fd))
		die(name);
}

void read_file(const char *name, void *data, size_t len)
{
	int fd = open(name, O_RDONLY);

	if (fd < 0 || read(fd, data, len) < 0 || close(fd))
		die(name);
}

uint64_t vm_ms(void)
{
	char text[32] = "";
	int fd = open("/out/clock", O_RDONLY | O_CLOEXEC);
	struct timespec t;

	if (fd >= 0) {
		ssize_t len = read(fd, text, sizeof(text) - 1);

		close(fd);
		if (len > 0)
			return strtoull(text, NULL, 10);
	}
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}
