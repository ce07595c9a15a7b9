// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes each call of a control node with its first allocation or access to user
 * memory failing, then with its second one failing, and so on until none is left
 * (/proc/PID/fail-nth, in a kernel with fault injection).
 *
 *	inject DEVICE disk=DISK [target=DISK]
 *
 * With a target the disk is mappable, and is mapped, too.
 *
 * No matter what failed, the device works afterwards. Prints how many failures
 * each call had.
 */
#define _GNU_SOURCE
#include "args.h"
#include "../../module/uapi/abuse.h"
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define SIZE	(16ULL << 20)

static const char *device, *disk;
static int node, fail_nth, target = -1, memory = -1;
static char *data;
static pthread_t reader;
static ssize_t read_result;
static struct abuse_get get;

static void bug(const char *what, int err)
{
	printf("BUG: %s: %s\n", what, errname(err));
	fflush(stdout);
	ioctl(node, ABUSE_RESET);
	_exit(1);
}

static int xfer(int fd, struct abuse_put *put, struct abuse_get *get)
{
	struct abuse_xfer x = {
		.size = sizeof(x),
		.put_size = sizeof(struct abuse_put),
		.get_size = sizeof(struct abuse_get),
		.puts = (uintptr_t)put,
		.gets = (uintptr_t)get,
		.nr_puts = !!put,
		.nr_gets = !!get,
		.min_gets = !!get,
		.timeout_ns = 20000000,
		.queue = ABUSE_ANY_QUEUE,
	};

	if (ioctl(fd, ABUSE_XFER, &x))
		return -1;
	/* A put that is refused is told so by its status. */
	errno = get && !x.nr_gets ? ETIME : put ? -put->status : 0;
	return errno ? -1 : 0;
}

static void *read_disk(void *unused)
{
	static char memory[4096] __attribute__((aligned(4096)));
	int fd = open(disk, O_RDONLY | O_DIRECT);

	read_result = fd < 0 ? -1 : pread(fd, memory, sizeof(memory), 0);
	close(fd);
	return unused;
}

static void pend(void)
{
	struct abuse_status s = { .size = sizeof(s) };

	if (pthread_create(&reader, NULL, read_disk, NULL))
		die("thread");
	while (!s.pending && !ioctl(node, ABUSE_STATUS, &s))
		usleep(1000);
}

static void own(void)
{
	pend();
	while (xfer(node, NULL, &get))
		if (errno != ETIME)
			bug("get", errno);
}

static int answer(void)
{
	return xfer(node, &(struct abuse_put){ .id = get.id, .address = (uintptr_t)data }, NULL);
}

/* Answers the read until it ends, no matter who has it */
static void finish_read(void)
{
	if (ioctl(node, ABUSE_REQUEUE))
		bug("REQUEUE", errno);
	while (pthread_tryjoin_np(reader, NULL)) {
		if (!xfer(node, NULL, &get) && answer())
			bug("put", errno);
		else if (errno && errno != ETIME)
			bug("get", errno);
	}
}

static void finish(void)
{
	finish_read();
	if (read_result != 4096)
		bug("the read failed", EIO);
}

static int setup(__u32 flags)
{
	static __u64 capacity = SIZE;
	struct abuse_config config = { .size = sizeof(config), .flags = flags | (target < 0 ? 0 : ABUSE_FLAGS_MAPPABLE),
					.block_size = 4096, .queue_depth = 16 };

	config.capacity = capacity += flags ? 4096 : 0;
	return ioctl(node, ABUSE_SETUP, &config);
}

static void be_set_up(void)
{
	if (setup(0) && errno != EBUSY)
		bug("SETUP", errno);
}

static void works(void)
{
	be_set_up();
	own();
	finish();
}

static void reset(void)
{
	if (ioctl(node, ABUSE_RESET))
		bug("RESET", errno);
}

static void nothing(void)
{
}

static int do_open(void)
{
	int fd = open(device, O_RDWR);

	return fd < 0 ? -1 : close(fd);
}

static int do_close(void)
{
	return close(node);
}

/* Opens the node again, and finishes what a failed close has left */
static void reopen(void)
{
	close(node);
	node = open_device(device, O_RDWR);
	finish();
}

static int do_setup(void) { return setup(0); }
static int do_reconnect(void) { return setup(ABUSE_FLAGS_RECONNECT); }
static int do_reset(void) { return ioctl(node, ABUSE_RESET); }
static int do_status(void) { return ioctl(node, ABUSE_STATUS, &(struct abuse_status){ .size = sizeof(struct abuse_status) }); }

static int do_list(unsigned int nr, void *element, __u32 size)
{
	return ioctl(node, nr, &(struct abuse_list){
		.size = sizeof(struct abuse_list), .elements = (uintptr_t)element, .element_size = size, .nr = 1 });
}

static int do_servers(void) { return do_list(ABUSE_SERVERS, &(struct abuse_server){}, sizeof(struct abuse_server)); }
static int do_requests(void) { return do_list(ABUSE_REQUESTS, &(struct abuse_request){}, sizeof(struct abuse_request)); }
static int do_extents(void) { return do_list(ABUSE_EXTENTS, &(struct abuse_extent){}, sizeof(struct abuse_extent)); }

static int map_call(unsigned int nr, __u64 offset)
{
	struct abuse_extent extents[2] = {
		{ .offset = offset, .length = 8192, .target = target, .flags = ABUSE_EXTENT_WRITE },
		{ .offset = offset + 4096, .length = 4096, .target = target },
	};

	return ioctl(node, nr, &(struct abuse_extents){
		.size = sizeof(struct abuse_extents), .flags = nr == ABUSE_MAP ? ABUSE_MAP_REPLACE : 0,
		.extents = (uintptr_t)extents, .element_size = sizeof(*extents), .nr = 2 });
}

static int do_map(void) { return map_call(ABUSE_MAP, 1 << 20); }
static int do_unmap(void) { return map_call(ABUSE_UNMAP, 1 << 20); }

static int do_lend(void)
{
	struct abuse_extent extent = { .offset = 1 << 20, .length = 1 << 20, .target = memory,
				       .flags = ABUSE_EXTENT_WRITE | ABUSE_EXTENT_MEMORY };

	return ioctl(node, ABUSE_MAP, &(struct abuse_extents){
		.size = sizeof(struct abuse_extents), .flags = ABUSE_MAP_REPLACE,
		.extents = (uintptr_t)&extent, .element_size = sizeof(extent), .nr = 1 });
}

static void be_lent(void)
{
	be_set_up();
	if (do_lend())
		bug("MAP of memory", errno);
}

static int do_lent(void)
{
	struct abuse_lent lent = { .size = sizeof(lent), .offset = 1 << 20 };

	return ioctl(node, ABUSE_LENT, &lent) ? -1 : close(lent.descriptor);
}

static void unmap(void)
{
	if (do_unmap())
		bug("UNMAP", errno);
}

static void be_mapped(void)
{
	be_set_up();
	if (do_map())
		bug("MAP", errno);
}

static int do_add(void) { return ioctl(node, ABUSE_ADD, &(__u32){ ABUSE_ANY_DEVICE }); }
static int do_info(void) { return ioctl(node, ABUSE_GET_STATUS, &(struct abuse_info){}); }

/* If there is no memory, nothing is quiesced. */
static int do_quiesce(void)
{
	int ret = ioctl(node, ABUSE_QUIESCE, &(struct abuse_quiesce){ .size = sizeof(struct abuse_quiesce) });
	struct abuse_status s = { .size = sizeof(s) };
	int err = errno;

	if (ret && err == ENOMEM && !ioctl(node, ABUSE_STATUS, &s) && s.conditions & ABUSE_CONDITION_QUIESCED)
		bug("half quiesced", err);
	errno = err;
	return ret;
}

static int do_remove_lazily(void) { return ioctl(node, ABUSE_REMOVE_LAZY); }
static int do_requeue(void) { return ioctl(node, ABUSE_REQUEUE); }
static int do_get(void) { return xfer(node, NULL, &get); }

static int do_poll(void)
{
	return poll(&(struct pollfd){ .fd = node, .events = POLLIN }, 1, 1000) < 0 ? -1 : 0;
}

static struct abuse_vec vecs[ABUSE_MAX_VECS];
static struct abuse_xfr_hdr hdr = { .ab_transfer_address = 1 };

static int do_get_bio(void)
{
	hdr.ab_transfer_address = (uintptr_t)vecs;
	return ioctl(node, ABUSE_GET_BIO, &hdr);
}

static void own_bio(void)
{
	pend();
	if (do_get_bio())
		bug("GET_BIO", errno);
}

static int do_put_bio(void)
{
	hdr.ab_result = ABUSE_RESULT_OKAY;
	vecs[0].ab_address = (uintptr_t)data;
	return ioctl(node, ABUSE_PUT_BIO, &hdr);
}

static void resume(void)
{
	struct abuse_quiesce quiesce = { .size = sizeof(quiesce), .flags = ABUSE_QUIESCE_RESUME };

	if (ioctl(node, ABUSE_QUIESCE, &quiesce))
		bug("resume", errno);
}

static void resume_and_finish(void)
{
	resume();
	finish();
}

/* The disk may still be going */
static void await_end(void)
{
	struct abuse_status s = { .size = sizeof(s) };

	do {
		if (ioctl(node, ABUSE_STATUS, &s))
			bug("STATUS", errno);
		usleep(1000);
	} while (s.conditions & ABUSE_CONDITION_LEAVING);
}

static void set_up_and_finish(void)
{
	be_set_up();
	finish_read();
}

static const struct {
	const char *name;
	void (*before)(void);
	int (*act)(void);
	void (*after)(void);
	bool maps;
} calls[] = {
	{ "open", nothing, do_open, nothing, false },
	{ "setup", reset, do_setup, nothing, false },
	{ "reconnect", be_set_up, do_reconnect, nothing, false },
	{ "status", be_set_up, do_status, nothing, false },
	{ "info", be_set_up, do_info, nothing, false },
	{ "servers", be_set_up, do_servers, nothing, false },
	{ "requests", pend, do_requests, finish, false },
	{ "map", be_set_up, do_map, unmap, true },
	{ "unmap", be_mapped, do_unmap, unmap, true },
	{ "extents", be_mapped, do_extents, unmap, true },
	{ "lend", be_set_up, do_lend, unmap, true },
	{ "lent", be_lent, do_lent, unmap, true },
	{ "add", nothing, do_add, nothing, false },
	{ "poll", pend, do_poll, finish, false },
	{ "get", pend, do_get, finish, false },
	{ "put", own, answer, finish, false },
	{ "get_bio", pend, do_get_bio, finish, false },
	{ "put_bio", own_bio, do_put_bio, finish, false },
	{ "requeue", own, do_requeue, finish, false },
	{ "quiesce", own, do_quiesce, resume_and_finish, false },
	{ "close", own, do_close, reopen, false },
	{ "remove_lazily", be_set_up, do_remove_lazily, await_end, false },
	{ "reset", own, do_reset, set_up_and_finish, false },
};

/* Makes the Nth thing fail that can fail from now on; 0: nothing */
static void arm(int nth)
{
	char text[12];
	int len = sprintf(text, "%d", nth);

	/* The write itself may be what fails, but then it was the last one. */
	while (pwrite(fail_nth, text, len, 0) != len)
		if (errno != EFAULT)
			die("fail-nth");
}

/* Returns whether it did fail */
static bool failed(void)
{
	char text[12] = "";

	/* The read itself may be what fails. */
	return pread(fail_nth, text, sizeof(text) - 1, 0) > 0 && !atoi(text);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		usage("inject DEVICE disk=DISK [target=DISK]");
	args = argv + 2;
	device = argv[1];
	disk = arg("disk", "/dev/abuse0");
	fail_nth = open_device("/proc/self/fail-nth", O_RDWR);
	if (arg("target", NULL)) {
		target = open_device(arg("target", NULL), O_RDWR);
		memory = memfd_create("memory", 0);
		if (memory < 0 || ftruncate(memory, 1 << 20))
			die("memfd");
	}
	data = aligned_alloc(4096, 1 << 20);
	memset(data, 'd', 1 << 20);
	node = open_device(device, O_RDWR);
	be_set_up();

	for (unsigned int n = 0; n < sizeof(calls) / sizeof(*calls); n++) {
		int nth = 0, errors = 0;
		bool hit;

		if (calls[n].maps && target < 0)
			continue;
		do {
			int ret, err;

			calls[n].before();
			arm(++nth);
			ret = calls[n].act();
			err = errno;
			hit = failed();
			arm(0);
			if (ret && !hit)
				bug(calls[n].name, err);
			/* The driver core returns EINVAL if it cannot allocate a device's name. */
			if (ret && err != ENOMEM && err != EFAULT && !(calls[n].act == do_setup && err == EINVAL))
				bug(calls[n].name, err);
			errors += !!ret;
			calls[n].after();
			works();
		} while (hit && nth < 2000);
		printf("%s=%d/%d\n", calls[n].name, errors, nth - 1);
	}
	reset();
	return 0;
}
