// SPDX-License-Identifier: GPL-2.0-only
/* The commands of the client that map the disk. */
#define _GNU_SOURCE
#include "client.h"

/*
 * map, unmap extents=OFFSET:LENGTH[:TARGET_OFFSET:PATH[:w]],... [mode=r|w of the open]
 *	[times=N step=BYTES] [flags=] [size=] [tail=] [element_size=] [extent_flags=]
 *	[extent_reserved=] [reserved=]
 * With times= each extent comes N times, each time so many bytes further on. Prints how many were done.
 */
static int open_target(const char *path, int write)
{
	const char *mode = arg("mode", write ? "w" : "r");
	int target = open(path, *mode == 'w' ? O_RDWR : O_RDONLY);

	if (target < 0)
		die(path);
	return target;
}

static void parse(char *text, struct abuse_extent *e)
{
	char *part[5] = {}, *save = NULL;

	for (int i = 0; i < 5; i++)
		part[i] = strtok_r(i ? NULL : text, ":", &save);
	if (!part[1])
		usage("extents");
	*e = (struct abuse_extent){
		.offset = number(part[0]),
		.length = number(part[1]),
		.target_offset = part[2] ? number(part[2]) : 0,
		.target = part[3] ? (__u64)open_target(part[3], part[4] != NULL) : num("fd", 0),
		.flags = num("extent_flags", part[4] ? ABUSE_EXTENT_WRITE : 0),
		.reserved = num("extent_reserved", 0),
	};
}

void map_extents(unsigned int call)
{
	union {
		struct abuse_extents extents;
		unsigned char bytes[4096];
	} u = {};
	char *text = strdup(arg("extents", "")), *save = NULL;
	size_t size = num("element_size", sizeof(struct abuse_extent));
	unsigned char *array = map(ABUSE_MAX_BATCH * size);
	unsigned int nr = 0, times = num("times", 1);
	int err;

	for (char *one = strtok_r(text, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
		struct abuse_extent e;

		parse(one, &e);
		for (unsigned int n = 0; n < times && nr < ABUSE_MAX_BATCH; n++) {
			memcpy(array + size * nr++, &e, size < sizeof(e) ? size : sizeof(e));
			e.offset += num("step", 0);
		}
	}
	u.extents = (struct abuse_extents){
		.size = num("size", sizeof(u.extents)),
		.flags = num("flags", 0),
		.extents = arg("array", NULL) ? BAD_ADDRESS : address(array),
		.element_size = size,
		.nr = num("nr", nr),
		.reserved = num("reserved", 0),
	};
	u.bytes[sizeof(u.extents)] = num("tail", 0);
	err = ioctl(fd, call, arg("arg", NULL) ? (void *)BAD_ADDRESS : &u);
	printf("done=%u\n", u.extents.done);
	if (err)
		die(call == ABUSE_MAP ? "MAP" : "UNMAP");
}
