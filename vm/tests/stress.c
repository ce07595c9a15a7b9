// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes everything happen to a device that can, in random order, while its disk
 * is written and read.
 *
 *	stress DEVICE disk=DISK [seconds=30] [calm=1] [seed=]
 *
 * Users of the disk stamp each block with its number and a version; a block
 * that is read must have the version that was written last, or one of a later
 * write that failed. So a write that was answered is never lost, and one that
 * failed never comes late. Servers, each of them a process, share a store; they
 * are killed, stopped and requeued, and the threads of one share an open file.
 *
 * calm: nothing happens that fails requests, so every I/O error is a bug. Without
 * it there are also resets, timeouts, failures and a read-only disk.
 */
#define _GNU_SOURCE
#include "stress.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

const char *device, *disk, *name;
bool calm;
__u64 seed;
char *store;
struct totals total;
static bool stop;
static int main_node;

bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

__u64 any(__u64 *random)
{
	*random ^= *random >> 12;
	*random ^= *random << 25;
	*random ^= *random >> 27;
	return *random * 0x2545f4914f6cdd1dULL;
}

__u64 below(__u64 *random, __u64 n)
{
	return (any(random) >> 16) % n;
}

_Noreturn void bug(const char *what, ull value)
{
	printf("BUG: %s (%#llx), seed=%#llx\n", what, value, (ull)seed);
	fflush(stdout);
	/* Otherwise the users of the disk could not end. */
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	usleep(100000);
	ioctl(main_node, ABUSE_RESET);
	_exit(1);
}

/* A server that nothing happens to, so that I/O that has begun can end */
static void drive(unsigned int seconds)
{
	ull end = vm_ms() + seconds * 1000ULL, last = vm_ms(), ios = 0, now;

	do {
		usleep(100000);
		now = vm_ms();
		if (ios != __atomic_load_n(&total.ios, __ATOMIC_RELAXED)) {
			ios = __atomic_load_n(&total.ios, __ATOMIC_RELAXED);
			last = now;
		}
		if (now - last > 60000)
			bug("no I/O has ended for 60 seconds", ios);
	} while (now < end);
}

int main(int argc, char **argv)
{
	static struct user users[USERS];
	pthread_t user[USERS], thread[SERVERS];
	struct abuse_config first;
	struct timespec now;
	int file;
	pid_t last;
	unsigned int n;

	if (argc == 2 && !strcmp(argv[1], "sleep"))
		return usleep(3000);
	if (argc < 2)
		usage("stress DEVICE disk=DISK [seconds=] [calm=1] [seed=]");
	args = argv + 2;
	name = argv[0];
	device = argv[1];
	disk = arg("disk", "/dev/abuse0");
	calm = num("calm", 0);
	clock_gettime(CLOCK_REALTIME, &now);
	seed = num("seed", now.tv_sec * 1000003ULL ^ now.tv_nsec) | 1;
	printf("seed=%#llx\n", (ull)seed);
	fflush(stdout);

	file = memfd_create("store", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, 2 * SIZE))
		die("memfd");
	store = mmap(NULL, 2 * SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	main_node = open_device(device, O_RDWR | O_CLOEXEC);
	first = config(&(__u64){ seed });
	if (ioctl(main_node, ABUSE_SETUP, &first))
		die("SETUP");

	for (n = 0; n < SERVERS; n++)
		if (pthread_create(&thread[n], NULL, mischief, (void *)(uintptr_t)(n + 1)))
			die("thread");
	for (n = 0; n < USERS; n++) {
		users[n].index = n;
		users[n].random = seed + n * 104729;
		if (pthread_create(&user[n], NULL, use_disk, &users[n]))
			die("thread");
	}
	drive(num("seconds", 30));

	last = start_server();
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (n = 0; n < SERVERS; n++)
		pthread_join(thread[n], NULL);
	for (n = 0; n < USERS; n++)
		pthread_join(user[n], NULL);
	kill(last, SIGKILL);
	waitpid(last, NULL, 0);
	if (ioctl(main_node, ABUSE_RESET))
		die("RESET");
	printf("ios=%llu\nerrors=%llu\nkills=%llu\nstops=%llu\nrequeues=%llu\nresets=%llu\nreconnects=%llu\nunloads=%llu\nforks=%llu\nlongest_ms=%llu\n",
	       total.ios, total.errors, total.kills, total.stops, total.requeues, total.resets, total.reconnects,
	       total.unloads, total.forks, total.longest_ms);
	if (!total.ios || !total.kills || !total.requeues)
		bug("nothing was done", 0);
	return 0;
}
