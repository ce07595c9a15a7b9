// SPDX-License-Identifier: GPL-2.0-only
/* The command "look" of the client. */
#define _GNU_SOURCE
#include "client.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

/*
 * look [end=signal|reset|drain|request|neighbour|submitter] [disk=] [busy=NS] [tries=]
 * Makes a call that looks for requests before it sleeps, on processor 0, and ends
 * that a millisecond after it began, in one of these ways:
 *
 *	signal		a signal comes
 *	reset, drain	another thread makes that call
 *	request		another thread, on processor 1, reads from the disk
 *	neighbour	another thread wants to run on processor 0
 *	submitter	the same, and it reads from the disk
 *
 * The outcome must be the right one each time. A busy machine may keep any thread
 * from running, so the end has to come before the time is over in one try only;
 * unless it is a neighbour, the call must not have slept in that try. Whoever does
 * not end the look never passes.
 */
static struct {
	const char *end;
	int fd, disk, err;
	char *page;
	unsigned int busy, gets;
	__u64 begin, ended;
	long slept;
	pthread_t looker;
} l;

static __u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static long sleeps(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw;
}

static void nothing(int signal)
{
	(void)signal;
}

static void *look_once(void *data)
{
	struct abuse_get get;
	struct abuse_put put = {};
	struct abuse_xfer x = empty_xfer(&put, &get);
	long before;

	(void)data;
	run_on(0);
	x.nr_gets = x.min_gets = 1;
	x.busy_ns = l.busy;
	before = sleeps();
	__atomic_store_n(&l.begin, now(), __ATOMIC_SEQ_CST);
	l.err = ioctl(l.fd, ABUSE_XFER, &x) ? errno : 0;
	l.slept = sleeps() - before;
	l.gets = l.err ? 0 : x.nr_gets;
	__atomic_store_n(&l.ended, now(), __ATOMIC_SEQ_CST);
	if (l.gets) {
		put.id = get.id;
		put.address = address(map(get.length));
		x.nr_puts = 1;
		x.nr_gets = x.min_gets = 0;
		if (ioctl(l.fd, ABUSE_XFER, &x) || put.status)
			die("put");
	}
	return NULL;
}

static void end_look(void)
{
	struct abuse_xfer x = empty_xfer(NULL, NULL);

	if (!strcmp(l.end, "signal") || !strcmp(l.end, "neighbour")) {
		/* One that comes before the call ends nothing. */
		while (!__atomic_load_n(&l.ended, __ATOMIC_SEQ_CST)) {
			pthread_kill(l.looker, SIGUSR1);
			usleep(1000);
		}
	} else if (!strcmp(l.end, "reset")) {
		if (ioctl(fd, ABUSE_RESET))
			die("RESET");
	} else if (!strcmp(l.end, "drain")) {
		x.flags = ABUSE_XFER_DRAIN;
		if (ioctl(l.fd, ABUSE_XFER, &x))
			die("drain");
	} else if (pread(l.disk, l.page, 4096, 0) != 4096) {
		die("read");
	}
}

static int expected(void)
{
	return !strcmp(l.end, "signal") || !strcmp(l.end, "neighbour") ? EINTR :
	       !strcmp(l.end, "reset") ? ENODEV : 0;
}

void look(const char *device)
{
	struct abuse_config config = {
		.size = sizeof(config),
		.capacity = 1 << 20,
		.block_size = 4096,
		.queue_depth = 4,
	};
	unsigned int tries = num("tries", 200), n, good = 0;
	struct sigaction action = { .sa_handler = nothing };
	int here, request;

	l.end = arg("end", "signal");
	l.busy = num("busy", ABUSE_MAX_BUSY);
	here = !strcmp(l.end, "neighbour") || !strcmp(l.end, "submitter");
	request = !strcmp(l.end, "request") || !strcmp(l.end, "submitter");
	sigaction(SIGUSR1, &action, NULL);
	if (request) {
		l.disk = open_device(arg("disk", ""), O_RDONLY | O_DIRECT);
		l.page = map(4096);
	}
	run_on(!here);
	for (n = 0; n < tries && !good; n++) {
		__u64 done;

		/* An open file that was drained is of no more use. */
		l.fd = open_device(device, O_RDONLY);
		l.begin = l.ended = 0;
		if (pthread_create(&l.looker, NULL, look_once, NULL))
			die("thread");
		while (!__atomic_load_n(&l.begin, __ATOMIC_SEQ_CST))
			usleep(100);
		usleep(1000);
		end_look();
		done = now();
		pthread_join(l.looker, NULL);
		if (l.err != expected() || l.gets != (unsigned int)request) {
			fprintf(stderr, "it ended with %s and %u requests\n", errname(l.err), l.gets);
			exit(1);
		}
		if (here ? done - l.begin < l.busy : !l.slept && l.ended - l.begin < l.busy)
			good = 1;
		close(l.fd);
		if (!strcmp(l.end, "reset") && ioctl(fd, ABUSE_SETUP, &config))
			die("SETUP");
	}
	printf("tries=%u\ngood=%u\n", n, good);
	if (!good) {
		fprintf(stderr, "in %u tries nothing ended the look before its time\n", n);
		exit(1);
	}
}
