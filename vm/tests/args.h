/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the test clients share: arguments of the form KEY=VALUE, a device that
 * is a path or @N for an open file that the shell already holds as descriptor
 * N, and failures that end with the errno's name on stderr and exit status 1.
 */
#ifndef ARGS_H
#define ARGS_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BAD_ADDRESS 0x10	/* nothing is ever mapped there */
#define PAGE ((size_t)sysconf(_SC_PAGESIZE))

static char **args;

static const char *errname(int err)
{
	const char *name = strerrorname_np(err);

	return !err ? "0" : name ? name : "unknown";
}

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, errname(errno));
	exit(1);
}

static void usage(const char *what)
{
	fprintf(stderr, "bad argument: %s\n", what);
	exit(2);
}

/* The value of KEY=VALUE, the last one when it is given more than once */
static const char *arg(const char *key, const char *otherwise)
{
	size_t len = strlen(key);

	for (char **a = args; *a; a++)
		if (!strncmp(*a, key, len) && (*a)[len] == '=')
			otherwise = *a + len + 1;
	return otherwise;
}

/* A number in any base of C, with K, M, G or T behind it */
static uint64_t number(const char *text)
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

static inline uint64_t num(const char *key, uint64_t otherwise)
{
	const char *text = arg(key, NULL);

	return text ? number(text) : otherwise;
}

static int open_device(const char *name, int flags)
{
	int fd;

	if (name[0] == '@')
		return number(name + 1);
	fd = open(name, flags | O_CLOEXEC);
	if (fd < 0)
		die("open");
	return fd;
}

static inline void write_file(const char *name, const void *data, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len || close(fd))
		die(name);
}

/* At most `len` bytes */
static inline void read_file(const char *name, void *data, size_t len)
{
	int fd = open(name, O_RDONLY);

	if (fd < 0 || read(fd, data, len) < 0 || close(fd))
		die(name);
}

/*
 * The VM's own time in milliseconds, which goes on only while the machine lets
 * it run: see vm/run.sh. For limits; without such a VM it is the clock.
 */
static inline uint64_t vm_ms(void)
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

#endif
