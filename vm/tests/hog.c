// SPDX-License-Identifier: GPL-2.0-only
/*
 * Uses more memory than there is, and checks that its content stays as it was.
 *
 *	hog MEGABYTES SECONDS [FILE]
 *
 * Writes every page of that much memory, or of a mapping of a file, with words
 * that tell the page and the round; in the next round it checks them first.
 * Prints the rounds, and the longest time that one page took.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define WORDS 512ULL

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Differs from the word of any other page and round */
static uint64_t word(uint64_t page, uint64_t round, uint64_t n)
{
	uint64_t x = (round << 40 | page << 9 | n) * 0x9e3779b97f4a7c15ULL;

	return x ^ x >> 29;
}

static uint64_t *memory;

static void check(uint64_t page, uint64_t round)
{
	for (uint64_t n = 0; n < WORDS; n += 73) {
		uint64_t found = ((volatile uint64_t *)memory)[page * WORDS + n];

		if (found != word(page, round, n))
			errx(1, "page %llu, word %llu, round %llu: %#llx", (unsigned long long)page,
			     (unsigned long long)n, (unsigned long long)round, (unsigned long long)found);
	}
}

int main(int argc, char **argv)
{
	if (argc < 3)
		errx(2, "usage: hog MEGABYTES SECONDS [FILE]");
	uint64_t pages = strtoull(argv[1], NULL, 0) << 8, page = 0, round = 0;
	double end = now() + atof(argv[2]), longest = 0, start;
	int fd = argc > 3 ? open(argv[3], O_RDWR | O_CREAT, 0600) : -1;

	if (argc > 3 && (fd < 0 || ftruncate(fd, pages << 12)))
		err(1, "%s", argv[3]);
	memory = mmap(NULL, pages << 12, PROT_READ | PROT_WRITE,
		      fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		err(1, "mmap");
	while ((start = now()) < end || !round) {
		if (round)
			check(page, round - 1);
		for (uint64_t n = 0; n < WORDS; n += 73)
			memory[page * WORDS + n] = word(page, round, n);
		if (now() - start > longest)
			longest = now() - start;
		if (++page == pages) {
			page = 0;
			round++;
		}
	}
	for (uint64_t n = 0; n < pages; n++)
		check(n, n < page ? round : round - 1);
	if (fd >= 0 && fsync(fd))
		err(1, "fsync");
	printf("rounds=%llu\nlongest_ms=%.0f\n", (unsigned long long)round, longest * 1000);
	return 0;
}
