// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the log of the device mapper's target log-writes. Writes that were
 * answered are in it before the next flush, and otherwise in no order.
 *
 *	replay LOG			prints the number of each mark, as "mark NUMBER NAME", and "end NUMBER"
 *	replay LOG DISK NUMBER		writes what a power cut leaves on a disk of zeros: that many entries
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAGIC 0x6a736677736872ULL
enum { DISCARD = 4, MARK = 8 };

static char data[16 << 20];

static void get(int fd, void *to, size_t size, uint64_t at)
{
	if (size > sizeof(data) || pread(fd, to, size, at) != (ssize_t)size)
		err(1, "log");
}

int main(int argc, char **argv)
{
	struct {
		uint64_t magic, version, entries;
		uint32_t sector_size;
	} super;
	struct {
		uint64_t sector, sectors, flags, length;
	} entry;
	uint64_t at, limit = argc == 4 ? strtoull(argv[3], NULL, 0) : ~0ULL;
	int log, disk = -1;

	if (argc != 2 && argc != 4)
		errx(2, "usage: replay LOG [DISK NUMBER]");
	log = open(argv[1], O_RDONLY);
	if (log < 0)
		err(1, "%s", argv[1]);
	if (argc == 4) {
		disk = open(argv[2], O_WRONLY);
		if (disk < 0)
			err(1, "%s", argv[2]);
	}
	get(log, &super, sizeof(super), 0);
	if (super.magic != MAGIC)
		errx(1, "%s is no log", argv[1]);
	at = super.sector_size;
	for (uint64_t n = 0; n < super.entries && n < limit; n++) {
		uint64_t length;

		get(log, &entry, sizeof(entry), at);
		length = entry.flags & DISCARD ? 0 : entry.sectors * super.sector_size;
		if (disk < 0 && entry.flags & MARK) {
			get(log, data, entry.length, at + sizeof(entry));
			printf("mark %llu %.*s\n", (unsigned long long)n, (int)entry.length, data);
		}
		at += super.sector_size;
		if (disk >= 0 && length) {
			get(log, data, length, at);
			if (pwrite(disk, data, length, entry.sector * super.sector_size) != (ssize_t)length)
				err(1, "%s", argv[2]);
		}
		at += length;
	}
	if (disk < 0)
		printf("end %llu\n", (unsigned long long)super.entries);
	return 0;
}
