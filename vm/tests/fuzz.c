// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls of a control node, while others use its disk.
 *
 *	fuzz DEVICE disk=DISK [target=DISK] [calls=1000000] [threads=3] [seed=]
 *
 * Most calls are nearly right: they get requests and put them, with one thing
 * or another that is wrong. No matter what is called, this must hold:
 *
 *  - a read of the disk has nothing in it but what was put, bytes PUT, or
 *    where it is mapped to the target, WRITTEN, or 0 after a discard;
 *  - the data of a write that a get brings is what was written, bytes WRITTEN,
 *    or zeros;
 *  - no byte of the caller's memory changes that the call did not name. Each
 *    thread has an arena of bytes UNNAMED, far from everything else; what a call
 *    names is restored after it;
 *  - an error is one that the ABI knows.
 *
 * There is a reset every few thousand calls. Prints the seed and what was done.
 */
#define _GNU_SOURCE
#include "fuzz.h"
#include <pthread.h>
#include <time.h>

const char *device, *disk;
__u64 nr_calls, seed;
bool stop;
int nodes[NODES];
char *source, *moving, *shared;
struct totals total;

__u64 any(struct fuzzer *f)
{
	f->random ^= f->random >> 12;
	f->random ^= f->random << 25;
	f->random ^= f->random >> 27;
	return f->random * 0x2545f4914f6cdd1dULL;
}

__u64 below(struct fuzzer *f, __u64 n)
{
	return (any(f) >> 16) % n;
}

bool once_in(struct fuzzer *f, unsigned int n)
{
	return !below(f, n);
}

_Noreturn void bug(struct fuzzer *f, const char *what, ull value)
{
	printf("BUG: %s (%#llx), seed=%#llx call=%llu\n", what, value, (ull)seed, f ? (ull)f->call : 0);
	for (unsigned int n = 1; f && n <= 16 && n <= f->call; n++) {
		unsigned int at = (f->call - n) % 16;

		printf("  %u before: %s %#x: %s\n", n, f->last[at].what, f->last[at].nr, errname(f->last[at].err));
	}
	fflush(stdout);
	/* Otherwise the users of the disk could not end. */
	nr_calls = 0;
	usleep(100000);
	ioctl(nodes[0], ABUSE_RESET);
	_exit(1);
}

static void *fuzz(void *data)
{
	struct fuzzer *f = data;

	while (f->call < __atomic_load_n(&nr_calls, __ATOMIC_RELAXED)) {
		unsigned int what = below(f, 10000);

		f->racy = once_in(f, 30);
		if (what < 1)
			fuzz_reset(f, ABUSE_RESET, "RESET");
		else if (what < 3)
			fuzz_reset(f, once_in(f, 2) ? ABUSE_REMOVE : ABUSE_REMOVE_LAZY, "REMOVE");
		else if (what < 20)
			fuzz_serve(f);
		else if (what < 30)
			fuzz_quiesce(f);
		else if (what < 60)
			fuzz_setup(f);
		else if (what < 90)
			fuzz_set_status(f);
		else if (what < 600)
			fuzz_get_status(f);
		else if (what < 900)
			fuzz_status(f);
		else if (what < 920)
			fuzz_list(f, ABUSE_SERVERS, "SERVERS");
		else if (what < 950)
			fuzz_list(f, ABUSE_REQUESTS, "REQUESTS");
		else if (what < 960)
			fuzz_list(f, ABUSE_EXTENTS, "EXTENTS");
		else if (what < 1000)
			fuzz_map(f);
		else if (what < 1010)
			fuzz_lent(f);
		else if (what < 1050)
			call(f, ABUSE_REQUEUE, "REQUEUE", any(f));
		else if (what < 1800)
			fuzz_get_bio(f);
		else if (what < 3000)
			fuzz_put_bio(f);
		else if (what < 3300)
			fuzz_other(f);
		else
			fuzz_xfer(f);
		check_memory(f);
	}
	return NULL;
}

/* Sources come and go while they are read */
static void *move(void *data)
{
	int file = *(int *)data;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		map(moving, SOURCE, PROT_NONE, MAP_PRIVATE | MAP_FIXED, -1);
		usleep(500);
		map(moving, SOURCE, PROT_READ, MAP_SHARED | MAP_FIXED, file);
		usleep(500);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned int nr_threads, n;
	static struct fuzzer fuzzers[MAX_THREADS];
	pthread_t threads[MAX_THREADS], users[6], mover;
	struct abuse_config config;
	struct timespec now;
	char path[64];
	int file, writable;

	if (argc < 2)
		usage("fuzz DEVICE disk=DISK [target=DISK] [calls=] [threads=] [seed=]");
	args = argv + 2;
	device = argv[1];
	disk = arg("disk", NULL);
	if (arg("target", NULL)) {
		target = open_device(arg("target", NULL), O_RDWR);
		memory = memfd_create("memory", 0);
		if (memory < 0 || ftruncate(memory, USED))
			die("memfd");
		memset(map(NULL, USED, PROT_READ | PROT_WRITE, MAP_SHARED, memory), PUT, USED);
	}
	nr_threads = num("threads", 3);
	nr_calls = num("calls", 1000000) / nr_threads;
	clock_gettime(CLOCK_REALTIME, &now);
	seed = num("seed", now.tv_sec * 1000003ULL ^ now.tv_nsec) | 1;
	printf("seed=%#llx\n", (ull)seed);
	fflush(stdout);
	if (nr_threads > MAX_THREADS)
		usage("threads");

	writable = memfd_create("source", 0);
	if (writable < 0 || ftruncate(writable, SOURCE))
		die("memfd");
	memset(map(NULL, SOURCE, PROT_READ | PROT_WRITE, MAP_SHARED, writable), PUT, SOURCE);
	/* It may be lent, but not for writes. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", writable);
	file = open_device(path, O_RDONLY);
	close(writable);
	source = map(guarded(SOURCE), SOURCE, PROT_READ, MAP_SHARED | MAP_FIXED, file);
	moving = guarded(SOURCE);
	shared = guarded(KINDS * RACY);
	for (n = 0; n < NODES; n++)
		nodes[n] = open_device(device, O_RDWR);
	for (n = 0; n < nr_threads; n++) {
		fuzzers[n].random = seed + n * 104729;
		fuzzers[n].arena = guarded(ARENA);
		memset(fuzzers[n].arena, UNNAMED, ARENA);
	}
	config = good_config(&fuzzers[0]);
	if (ioctl(nodes[0], ABUSE_SETUP, &config) && errno != EBUSY)
		die("SETUP");

	if (pthread_create(&mover, NULL, move, &file))
		die("thread");
	for (n = 0; disk && n < 6; n++)
		if (pthread_create(&users[n], NULL, use_disk, (void *)(uintptr_t)n))
			die("thread");
	for (n = 0; n < nr_threads; n++)
		if (pthread_create(&threads[n], NULL, fuzz, &fuzzers[n]))
			die("thread");
	for (n = 0; n < nr_threads; n++)
		pthread_join(threads[n], NULL);

	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	if (ioctl(nodes[0], ABUSE_RESET))
		die("RESET");
	for (n = 0; disk && n < 6; n++)
		pthread_join(users[n], NULL);
	pthread_join(mover, NULL);
	printf("calls=%llu\ngets=%llu\nputs=%llu\nrefused=%llu\nerrors=%llu\nresets=%llu\nreads=%llu\nfailed_reads=%llu\npayloads=%llu\n",
	       (ull)nr_calls * nr_threads, total.gets, total.puts, total.refused, total.errors, total.resets,
	       total.reads, total.failed_reads, total.payloads);
	if (disk && (!total.reads || !total.puts))
		bug(NULL, "nothing was done", 0);
	return 0;
}
