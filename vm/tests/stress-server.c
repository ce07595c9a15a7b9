// SPDX-License-Identifier: GPL-2.0-only
/* Servers of the stress test, each a process. */
#define _GNU_SOURCE
#include "stress.h"
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Makes the answers to requests whose data is in the store */
void answer(struct abuse_xfer *x, struct abuse_put *puts, const struct abuse_get *gets)
{
	for (unsigned int n = 0; n < x->nr_gets; n++) {
		bool data = gets[n].command <= ABUSE_WRITE;

		puts[n] = (struct abuse_put){
			.id = gets[n].id,
			.address = data ? (uintptr_t)store + (gets[n].sector << 9) : 0,
		};
	}
	x->nr_puts = x->nr_gets;
}

/* Answers one request with the ABI of 2009 */
static void serve_2009(int node)
{
	struct abuse_vec vecs[ABUSE_MAX_VECS];
	struct abuse_xfr_hdr hdr = { .ab_transfer_address = (uintptr_t)vecs };

	if (ioctl(node, ABUSE_GET_BIO, &hdr))
		return;
	for (unsigned int n = 0; n < hdr.ab_vec_count; n++)
		vecs[n].ab_address = (uintptr_t)store + (hdr.ab_sector << 9) + n * PAGE;
	hdr.ab_result = ABUSE_RESULT_OKAY;
	ioctl(node, ABUSE_PUT_BIO, &hdr);
}

static void *serve(void *data)
{
	__u64 random = (uintptr_t)data ^ seed ^ syscall(SYS_gettid) * 0x9e3779b97f4a7c15ULL;
	struct abuse_get gets[64];
	struct abuse_put puts[64];
	int node = *(int *)data;
	struct abuse_xfer x = {
		.size = sizeof(x),
		.put_size = sizeof(struct abuse_put),
		.get_size = sizeof(struct abuse_get),
		.puts = (uintptr_t)puts,
		.gets = (uintptr_t)gets,
		.queue = ABUSE_ANY_QUEUE,
	};

	for (;;) {
		if (!below(&random, 50))
			serve_2009(node);
		if (!below(&random, 20))
			usleep(below(&random, 2000));
		x.nr_gets = 1 + below(&random, 64);
		x.min_gets = below(&random, 4) ? 1 : 0;
		x.timeout_ns = below(&random, 10) ? 20000000 : 0;
		x.flags = 0;
		if (ioctl(node, ABUSE_XFER, &x)) {
			x.nr_puts = 0;
			if (errno != ENODEV && errno != EINTR)
				bug("XFER of a server", errno);
			usleep(2000);
			continue;
		}
		answer(&x, puts, gets);
	}
	return NULL;
}

pid_t start_server(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		static int node;
		pthread_t thread;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* The open files of others stay theirs alone. */
		syscall(SYS_close_range, 3, ~0U, 0);
		node = open_device(device, O_RDONLY);
		if (getpid() % 2)
			pthread_create(&thread, NULL, serve, &node);
		serve(&node);
	}
	return pid;
}
