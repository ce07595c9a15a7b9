// SPDX-License-Identifier: GPL-2.0-only
/* The command "server" of the client. */
#define _GNU_SOURCE
#include "client.h"
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

/*
 * server [store=FILE] [threads=] [batch=] [min=] [buffer=BYTES] [queue=any|own]
 *	[order=fifo|reverse|random] [delay=US] [fail=N] [hold=N] [twice=1]
 *	[log=1] [identity=BYTE] [text=] [busy=NS]
 * Answers from a file mapped into memory, or answers reads with zeros, each
 * thread through an open file of its own. It can fail every Nth request, hold N
 * requests forever, put each answer twice, and write each request to stdout. On
 * SIGTERM it drains and prints the totals; if the ioctl fails, it prints the
 * error and exits with status 3.
 */
static struct {
	const char *device, *order;
	char *store;
	size_t store_size;
	unsigned int threads, batch, min, delay, fail, hold, twice, log, own_queue;
	int draining, says;
	size_t buffer;
	ull gets, puts, stale, odd, held;
} server;

static int server_fds[64];

static char *place(const struct abuse_get *g, char *zeros)
{
	if (!server.store)
		return zeros;
	if ((g->sector << 9) + g->length > server.store_size) {
		fprintf(stderr, "request beyond the end of the store\n");
		_exit(4);
	}
	return server.store + (g->sector << 9);
}

static void *serve(void *data)
{
	unsigned int index = (uintptr_t)data, seed = index + 1, seen = 0;
	struct abuse_get *gets = calloc(server.batch, sizeof(*gets));
	struct abuse_put *puts = calloc(2 * server.batch, sizeof(*puts));
	char *buffer = server.buffer ? map(server.buffer) : NULL;
	char *zeros = map(ABUSE_MAX_REQUEST);
	struct abuse_xfer x = {
		.size = sizeof(x),
		.put_size = sizeof(struct abuse_put),
		.get_size = sizeof(struct abuse_get),
		.puts = address(puts),
		.gets = address(gets),
		.buffer = address(buffer),
		.buffer_size = server.buffer,
		.timeout_ns = ABUSE_NO_TIMEOUT,
		.min_gets = server.min,
		.queue = server.own_queue ? index : ABUSE_ANY_QUEUE,
		.busy_ns = num("busy", 0),
	};

	for (;;) {
		unsigned int nr_puts = x.nr_puts;

		x.nr_gets = server.batch;
		if (ioctl(server_fds[index], ABUSE_XFER, &x)) {
			if (errno == EINTR)
				continue;
			fprintf(stderr, "server: XFER: %s\n", errname(errno));
			_exit(3);
		}
		for (unsigned int n = 0; n < nr_puts; n++) {
			int expected = server.twice && n % 2 ? -ENOMSG : 0;

			__atomic_fetch_add(&server.puts, !puts[n].status, __ATOMIC_RELAXED);
			__atomic_fetch_add(&server.stale, puts[n].status == -ENOMSG, __ATOMIC_RELAXED);
			__atomic_fetch_add(&server.odd, puts[n].status != expected, __ATOMIC_RELAXED);
		}
		x.nr_puts = 0;
		/* Nothing came: there was a signal after the puts, or all is answered */
		if (!x.nr_gets && __atomic_load_n(&server.draining, __ATOMIC_RELAXED))
			return NULL;
		__atomic_fetch_add(&server.gets, x.nr_gets, __ATOMIC_RELAXED);
		for (unsigned int n = 0; n < x.nr_gets; n++) {
			struct abuse_get *g = &gets[n];
			char *bytes = NULL;
			unsigned int at;

			if (server.log)
				printf("command=%u sector=%llu length=%u flags=%u id=%#llx\n", g->command,
				       (ull)g->sector, g->length, g->flags, (ull)g->id);
			if (server.held < server.hold && __atomic_fetch_add(&server.held, 1, __ATOMIC_RELAXED) < server.hold)
				continue;
			if (g->command != ABUSE_SYNC_NOTIFICATION)
				bytes = g->command <= ABUSE_WRITE || server.store ? place(g, zeros) : NULL;
			if (g->command == ABUSE_WRITE && g->address) {
				if (server.store)
					memcpy(bytes, (void *)(uintptr_t)g->address, g->length);
				bytes = NULL;
			} else if (g->command == ABUSE_WRITE && !server.store) {
				bytes = NULL;
			} else if (g->command == ABUSE_READ && g->address) {
				bytes = memcpy((void *)(uintptr_t)g->address, bytes, g->length);
			} else if (g->command >= ABUSE_DISCARD && bytes) {
				memset(bytes, 0, g->length);
			}
			/* It goes to a random place among the answers so far, or to an end */
			at = !strcmp(server.order, "random") ? rand_r(&seed) % (x.nr_puts + 1) :
			     !strcmp(server.order, "reverse") ? 0 : x.nr_puts;
			memmove(&puts[at + 1], &puts[at], (x.nr_puts - at) * sizeof(*puts));
			puts[at] = (struct abuse_put){
				.id = g->id,
				.address = address(bytes),
				.result = server.fail && ++seen % server.fail == 0 ?
					ABUSE_RESULT_MEDIA_FAILURE : ABUSE_RESULT_OKAY,
			};
			x.nr_puts++;
			if (server.twice) {
				puts[x.nr_puts] = puts[at];
				x.nr_puts++;
			}
		}
		if (server.log)
			fflush(stdout);
		if (server.delay)
			usleep(server.delay);
	}
}

void run_server(const char *device)
{
	pthread_t threads[64];
	sigset_t signals;
	const char *store = arg("store", NULL);
	int signal;

	server.device = device;
	server.order = arg("order", "fifo");
	server.threads = num("threads", 1);
	server.batch = num("batch", 32);
	server.min = num("min", 1);
	server.delay = num("delay", 0);
	server.fail = num("fail", 0);
	server.hold = num("hold", 0);
	server.twice = num("twice", 0);
	server.log = num("log", 0);
	server.buffer = num("buffer", 0);
	server.says = !!arg("identity", NULL);
	server.own_queue = !strcmp(arg("queue", "any"), "own");
	if (store) {
		int file = open(store, O_RDWR);
		struct stat st;

		if (file < 0 || fstat(file, &st))
			die(store);
		server.store_size = st.st_size;
		server.store = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
		if (server.store == MAP_FAILED)
			die("mmap");
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	for (unsigned int n = 0; n < server.threads; n++) {
		server_fds[n] = n ? open_device(device, O_RDONLY) : fd;
		if (server.says) {
			struct abuse_serve serve = { .size = sizeof(serve), .queue = server.own_queue ? n : ABUSE_ANY_QUEUE };

			memset(serve.identity, num("identity", 0), sizeof(serve.identity));
			strncpy(serve.text, arg("text", ""), sizeof(serve.text) - 1);
			if (ioctl(server_fds[n], ABUSE_SERVE, &serve))
				die("SERVE");
		}
		if (pthread_create(&threads[n], NULL, serve, (void *)(uintptr_t)n))
			die("thread");
	}
	printf("ready\n");
	fflush(stdout);
	sigwait(&signals, &signal);
	__atomic_store_n(&server.draining, 1, __ATOMIC_RELAXED);
	for (unsigned int n = 0; n < server.threads; n++) {
		struct abuse_xfer x = {
			.size = sizeof(x),
			.put_size = sizeof(struct abuse_put),
			.get_size = sizeof(struct abuse_get),
			.flags = ABUSE_XFER_DRAIN,
			.queue = ABUSE_ANY_QUEUE,
		};

		if (ioctl(server_fds[n], ABUSE_XFER, &x))
			die("drain");
	}
	for (unsigned int n = 0; n < server.threads; n++)
		pthread_join(threads[n], NULL);
	printf("gets=%llu\nputs=%llu\nstale=%llu\nodd=%llu\n", server.gets, server.puts,
	       server.stale, server.odd);
}
