// SPDX-License-Identifier: GPL-2.0-only
/* The commands of the client that map the disk. */
#define _GNU_SOURCE
#include "client.h"
#include <linux/falloc.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

/*
 * map, unmap extents=OFFSET:LENGTH[:TARGET_OFFSET:PATH[:w[d][z]]],... [mode=r|w of the open]
 *	[times=N step=BYTES] [flags=] [size=] [tail=] [element_size=] [extent_flags=]
 *	[extent_filesystem=] [reserved=] [seals=, of fresh memory] [memlock=BYTES, the limit] [uid=, of the call]
 *	[mlockall=yes] [umount=DIR, right after the call] [then=PATH: one more extent, which the kernel reads from there]
 * With times= each extent comes N times, each time so many bytes further on. Prints how many were done.
 */
static int memory_file(const char *size, unsigned int flags)
{
	int target = memfd_create("client", flags | MFD_ALLOW_SEALING);

	if (target < 0 || ftruncate(target, number(size)) || fcntl(target, F_ADD_SEALS, (int)num("seals", 0)))
		die("memfd");
	return target;
}

static int open_target(const char *path, int write)
{
	const char *mode = arg("mode", write ? "w" : "r");
	int target = open(path, *mode == 'w' ? O_RDWR : O_RDONLY);

	if (target < 0)
		die(path);
	return target;
}

/* PATH may also be memory=SIZE or huge=SIZE: fresh memory. */
static int target_of(const char *text, int write)
{
	return !strncmp(text, "memory=", 7) ? memory_file(text + 7, 0) :
	       !strncmp(text, "huge=", 5) ? memory_file(text + 5, MFD_HUGETLB) : open_target(text, write);
}

/* w: writes; d: discards; z: write zeroes */
static __u32 extent_flags(const char *letters)
{
	return (strchr(letters, 'w') ? ABUSE_EXTENT_WRITE : 0) | (strchr(letters, 'd') ? ABUSE_EXTENT_DISCARD : 0) |
	       (strchr(letters, 'z') ? ABUSE_EXTENT_WRITE_ZEROES : 0);
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
		.target = part[3] ? (__u64)target_of(part[3], part[4] != NULL) : num("fd", 0),
		.flags = num("extent_flags", part[4] ? extent_flags(part[4]) : 0),
		.filesystem = num("extent_filesystem", 0),
	};
}

/* Each is an open file of its own. */
static void check_apart(int one, int other)
{
	if (lseek(one, 512, SEEK_SET) != 512 || fcntl(one, F_SETFL, O_APPEND) || flock(one, LOCK_EX))
		die("lent");
	if (lseek(other, 0, SEEK_CUR) || fcntl(other, F_GETFL) & O_APPEND || !flock(other, LOCK_SH | LOCK_NB)) {
		fprintf(stderr, "they share what belongs to an open file: %s\n", errname(EEXIST));
		exit(1);
	}
}

/*
 * lent [offset=] [op=read|write|punch|cut|apart|none] [at=] [length=] [byte=] [size=] [flags=] [reserved=] [tail=]:
 *	asks for the memory of that byte, prints its inode and filesystem, and what it is open for, and does that to it; apart:
 *	asks twice, and shows that the descriptors have nothing to do with each other
 */
void lent(void)
{
	const char *access[] = { "r", "w", "rw", "none" };
	union {
		struct abuse_lent lent;
		unsigned char bytes[4096];
	} u = {};
	__u64 at = num("at", 0), length = num("length", 4096);
	const char *op = arg("op", "none");
	struct stat st;
	char *p;

	u.lent = (struct abuse_lent){
		.size = num("size", sizeof(u.lent)),
		.flags = num("flags", 0),
		.offset = num("offset", 0),
		.descriptor = -1,
		.reserved = num("reserved", 0),
	};
	u.bytes[sizeof(u.lent)] = num("tail", 0);
	if (ioctl(fd, ABUSE_LENT, arg("arg", NULL) ? (void *)BAD_ADDRESS : &u))
		die("LENT");
	if (fstat(u.lent.descriptor, &st) || fcntl(u.lent.descriptor, F_GETFD) != FD_CLOEXEC)
		die("descriptor");
	printf("inode=%llu\nfilesystem=%#llx\naccess=%s\n", (ull)st.st_ino, (ull)st.st_dev, access[fcntl(u.lent.descriptor, F_GETFL) & O_ACCMODE]);
	if (!strcmp(op, "apart")) {
		int one = u.lent.descriptor;

		if (ioctl(fd, ABUSE_LENT, &u))
			die("LENT");
		check_apart(one, u.lent.descriptor);
	}
	if (!strcmp(op, "punch") && fallocate(u.lent.descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length))
		die("fallocate");
	if (!strcmp(op, "cut") && ftruncate(u.lent.descriptor, at))
		die("ftruncate");
	if (strcmp(op, "read") && strcmp(op, "write"))
		return;
	p = mmap(NULL, length, *op == 'w' ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, u.lent.descriptor, at);
	if (p == MAP_FAILED)
		die("mmap");
	if (*op == 'w')
		memset(p, num("byte", 0), length);
	for (__u64 n = 0; n < length; n++)
		if ((p[n] & 0xff) != (int)num("byte", 0)) {
			fprintf(stderr, "byte %llu is %#x: %s\n", (ull)(at + n), p[n] & 0xff, errname(EILSEQ));
			exit(1);
		}
}

/* Moves the array so that one more element is what the file begins with, which nobody has read yet. */
static unsigned char *before_file(const unsigned char *array, size_t size, const char *path)
{
	size_t page = sysconf(_SC_PAGESIZE), room = (size + page - 1) / page * page;
	unsigned char *p = map(room + page);
	int file = open(path, O_RDONLY);

	if (file < 0 || mmap(p + room, page, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0) == MAP_FAILED ||
	    madvise(p + room, page, MADV_RANDOM))
		die(path);
	return memcpy(p + room - size, array, size);
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
	if (arg("then", NULL))
		array = before_file(array, size * nr++, arg("then", NULL));
	if (arg("memlock", NULL)) {
		struct rlimit limit = { num("memlock", 0), num("memlock", 0) };

		if (setrlimit(RLIMIT_MEMLOCK, &limit))
			die("RLIMIT_MEMLOCK");
	}
	if (arg("mlockall", NULL)) {
		if (mlockall(MCL_FUTURE))
			die("mlockall");
		map(1 << 16); /* so much less is left of the limit */
	}
	if (arg("uid", NULL) && setuid(num("uid", 0)))
		die("setuid");
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
	if (!err && arg("umount", NULL) && umount2(arg("umount", NULL), 0))
		die("umount");
	printf("done=%u\n", u.extents.done);
	if (err)
		die(call == ABUSE_MAP ? "MAP" : "UNMAP");
}
